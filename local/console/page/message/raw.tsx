import { useEffect, useState } from "preact/hooks";
import { wordsOf } from "../shell/api.ts";
import { safeLines } from "../show/text.ts";

// More is a download, not something to look at.
const shownBytes = 200_000;

/** The bytes as the sender sent them, and both forms to keep. */
export function Raw({ id }: { id: string }) {
  const stored = `/api/messages/${id}/raw`;
  const received = `${stored}?without-ses-block=1`;
  const [raw, setRaw] = useState<{ text: string; cut: boolean }>();
  useEffect(() => {
    const stop = new AbortController();
    beginningOf(received, stop.signal).then(setRaw, (error) => {
      if (!stop.signal.aborted) setRaw({ text: wordsOf(error), cut: false });
    });
    return () => stop.abort();
  }, [received]);
  return (
    <>
      <p class="buttons">
        <a class="button" href={received}>
          Download as received
        </a>
        <a class="button" href={stored}>
          Download as stored
        </a>
        <span class="meta">Stored is as the first S3 action kept it, with SES's headers on top.</span>
      </p>
      {raw?.cut && <p class="meta">Only the first {shownBytes.toLocaleString()} octets are shown.</p>}
      <pre class="text raw">{raw?.text ?? ""}</pre>
    </>
  );
}

async function beginningOf(url: string, signal: AbortSignal): Promise<{ text: string; cut: boolean }> {
  const response = await fetch(url, { signal });
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let length = 0; reader; ) {
    const { done, value } = await reader.read();
    if (done) return { text: safeLines(text), cut: false };
    text += decoder.decode(value.subarray(0, shownBytes - length), { stream: true });
    length += value.length;
    if (length < shownBytes) continue;
    await reader.cancel();
    return { text: safeLines(text), cut: length > shownBytes };
  }
  return { text: "", cut: false };
}
