/** A text as it is, in Markdown: no markup of a stranger's, no image that loads, nobody mentioned. */
export function fenced(text: string): string {
  const clean = text.replace(/\r\n?/g, "\n").trimEnd();
  const longest = Math.max(2, ...[...clean.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${clean}\n${fence}`;
}
