import type { Context } from "hono";

export type ProblemStatus = 400 | 403 | 404 | 409 | 410 | 413 | 422 | 500 | 503;

/** An error as RFC 9457 has it. `code` is stable; `detail` is for people and says what to do. */
export function problem(
  c: Context,
  status: ProblemStatus,
  detail: string,
  code?: string,
  more: Readonly<Record<string, number | string>> = {},
): Response {
  c.header("content-type", "application/problem+json");
  return c.body(JSON.stringify({ status, detail, ...(code !== undefined && { code }), ...more }), status);
}
