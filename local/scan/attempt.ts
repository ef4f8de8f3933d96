import { DaemonFailure } from "./daemon.ts";
import type { ScanResult } from "./scanner.ts";

/**
 * One scan by a daemon, within `timeoutMs`. A daemon that is away, slow or unintelligible gives `failed(reason)`; an
 * abort by the caller, and a message that cannot be read, are thrown on.
 */
export async function attempt(
  name: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  failed: (detail: string) => ScanResult,
  scan: (signal: AbortSignal) => Promise<ScanResult>,
): Promise<ScanResult> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await scan(signal ? AbortSignal.any([signal, timeout]) : timeout);
  } catch (error) {
    signal?.throwIfAborted();
    if (timeout.aborted) return failed(`${name} did not answer within ${timeoutMs} ms`);
    if (error instanceof DaemonFailure) return failed(`${name}: ${error.message}`);
    throw error;
  }
}

/** What a daemon wrote, fit for one line of a log. */
export function quoted(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim()
    .slice(0, 200);
}
