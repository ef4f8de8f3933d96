/** A time, short, with the whole of it for those who ask. */
export function Time({ at }: { at: string }) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  const clock = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = date.toLocaleDateString([], { day: "numeric", month: "short" });
  return (
    <time dateTime={at} title={at}>
      {today ? clock : `${day}, ${clock}`}
    </time>
  );
}
