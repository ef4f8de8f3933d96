/**
 * A name that can be created in a folder on any system: no path, no control or direction-changing character, no name
 * that Windows reserves, at most 200 octets with the extension kept.
 *
 * @param fallback - used when nothing is left; trusted
 */
export function safeFileName(name: string | undefined, fallback: string): string {
  let safe = (name ?? "").slice(0, 2000);
  safe = safe.slice(Math.max(safe.lastIndexOf("/"), safe.lastIndexOf("\\")) + 1);
  safe = safe
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]/g, "")
    .replace(/[<>:"|?*]/g, "_")
    .replace(/\s+/g, " ")
    .replace(/^[. ]+|[. ]+$/g, "")
    .toWellFormed();
  if (safe === "") return fallback;
  if (/^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(safe)) safe = `_${safe}`;
  if (Buffer.byteLength(safe) <= 200) return safe;
  const extension = /\.[a-z0-9]{1,10}$/i.exec(safe)?.[0] ?? "";
  let stem = safe.slice(0, 200);
  while (Buffer.byteLength(stem + extension) > 200) stem = stem.slice(0, -1);
  return (stem + extension).toWellFormed();
}
