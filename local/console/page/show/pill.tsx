export type Tone = "good" | "bad" | "wait" | "off";

/** A state as a pill: the word says it, the colour only repeats it. */
export function Pill({ state, text = state, tone = toneOf(state) }: { state: string; text?: string; tone?: Tone }) {
  return <span class={`pill ${tone}`}>{text}</span>;
}

export function toneOf(state: string): Tone {
  if (["done", "PASS", "runs", "sent", "open", "pass"].includes(state)) return "good";
  if (["failed", "FAIL", "fail", "error"].includes(state)) return "bad";
  const off = ["no-match", "disabled", "skipped", "DISABLED", "stopped", "tls", "none", "closed", "note", "kept"];
  return off.includes(state) ? "off" : "wait";
}
