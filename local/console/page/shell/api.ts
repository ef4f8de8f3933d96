/** An answer that is an error, in the engine's words. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | undefined;
  /** Of a search that cannot be read: where. */
  readonly position: number | undefined;
  constructor(status: number, { detail, code, position }: Problem) {
    super(detail ?? `The engine answered ${status}.`);
    this.status = status;
    this.code = code;
    this.position = position;
  }
}

interface Problem {
  readonly detail?: string;
  readonly code?: string;
  readonly position?: number;
}

/**
 * @param path - below `/api`; docs/http-api.md says what it answers, and the caller names that type
 * @throws {ApiError}
 */
export const get = <Answer>(path: string): Promise<Answer> => ask(path, {});

/** Changes something. `body` is sent as JSON, a `Blob` as it is. */
export function send<Answer>(
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: object,
): Promise<Answer> {
  const headers: Record<string, string> = { "x-mailweir": "1" };
  if (body === undefined) return ask(path, { method, headers });
  if (body instanceof Blob) return ask(path, { method, headers, body });
  return ask(path, { method, headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) });
}

async function ask<Answer>(path: string, init: RequestInit): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(`/api${path}`, init);
  } catch (cause) {
    throw new Error("The engine does not answer. Is it still running? npm start", { cause });
  }
  const answer: unknown = await response.json().catch(() => ({}));
  // 422 of a submission is an answer: refused, with the reply.
  const refused = response.status === 422 && typeof answer === "object" && answer !== null && "reply" in answer;
  if (!response.ok && !refused) throw new ApiError(response.status, answer as Problem);
  return answer as Answer;
}

export const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
