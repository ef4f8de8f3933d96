import { findEngine } from "../local/store/lock.ts";
import { MailweirError } from "../shared/errors.ts";

/** Nothing runs on the data folder, and what was asked for needs an engine. */
export class NoEngineError extends MailweirError {
  readonly code = "ERR_NO_ENGINE";
  readonly retryable = true;
}

/** The engine did not do it; the message says why. */
export class EngineRefusedError extends MailweirError {
  readonly code = "ERR_ENGINE_REFUSED";
  readonly retryable = true;
}

/**
 * Asks the engine that runs on a data folder, over its HTTP API.
 *
 * @param expected - statuses beside 2xx whose answer is one too
 * @returns the answer's JSON
 * @throws {NoEngineError | EngineRefusedError}
 */
export async function callEngine(
  folder: string,
  method: string,
  path: string,
  body?: unknown,
  expected: readonly number[] = [],
  timeoutMs = 60_000,
): Promise<unknown> {
  const engine = await findEngine(folder);
  if (!engine)
    throw new NoEngineError(`No engine runs on ${folder}: start one (npm start), or name its folder with --data`);
  const response = await fetch(`http://${engine.http}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${engine.token}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: unknown) => {
    throw new EngineRefusedError(`The engine at http://${engine.http} does not answer: see its log, and try again`, {
      cause,
    });
  });
  const answer = (await response.json().catch(() => ({}))) as { readonly detail?: unknown };
  if (response.ok || expected.includes(response.status)) return answer;
  throw new EngineRefusedError(
    typeof answer.detail === "string" ? answer.detail : `The engine answered HTTP ${response.status}`,
  );
}
