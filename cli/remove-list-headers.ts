/** Takes the headers away that list labels are usually made from, to see what is left to judge by. */
export function removeListHeaders(raw: Uint8Array): Uint8Array {
  const text = Buffer.from(raw).toString("latin1");
  const end = /\r?\n\r?\n/.exec(text);
  if (!end) return raw;
  const header = text.slice(0, end.index + 1);
  const kept = header.replace(
    /^(?:list-[a-z-]+|x-mailing-list|x-mailman-version|precedence|x-beenthere|mailing-list|x-list[a-z-]*)[ \t]*:.*\r?\n?(?:[ \t].*\r?\n?)*/gim,
    "",
  );
  return Buffer.from(
    `${kept.replace(/\r?\n?$/, "\n")}${text.slice(end.index + end[0].length - (end[0].endsWith("\r\n") ? 2 : 1))}`,
    "latin1",
  );
}
