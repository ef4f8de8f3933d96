/** A line on stderr that says how far a long run is; silent when stderr is no terminal. */
export function progressBar(stream: NodeJS.WriteStream = process.stderr) {
  let count = 0;
  let shown = 0;
  const clear = () => {
    if (stream.isTTY) stream.write("\r\u001b[K");
  };
  return {
    step(path: string): void {
      count++;
      if (!stream.isTTY || count - shown < 10) return;
      shown = count;
      stream.write(
        `\r\u001b[K${"▪".repeat(1 + ((count / 10) % 20))} ${count} mails  ${path.replace(/[^\x20-\x7e]/g, "?").slice(-50)}`,
      );
    },
    clear,
    note(text: string): void {
      clear();
      stream.write(`${text}\n`);
    },
    end: clear,
  };
}
