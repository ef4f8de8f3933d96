import type { Context } from "hono";
import type * as z from "zod";
import { problem } from "./problem.ts";

/** A request's JSON, checked; or the answer that says what is wrong with it. */
export async function jsonBody<Value>(
  c: Context,
  schema: z.ZodType<Value>,
  maxBytes: number,
): Promise<{ readonly value: Value } | { readonly refused: Response }> {
  const tooLong = () => ({ refused: problem(c, 413, `The request is longer than ${maxBytes} octets.`) });
  if (Number(c.req.header("content-length") ?? 0) > maxBytes) return tooLong();
  // Chunked requests name no length.
  const text = await c.req.text();
  if (text.length > maxBytes) return tooLong();
  let json: unknown;
  try {
    json = text === "" ? {} : JSON.parse(text);
  } catch {
    return { refused: problem(c, 400, "The request is no JSON.") };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".");
  return {
    refused: problem(c, 400, `The request's JSON is wrong: ${where ? `${where}: ` : ""}${issue?.message ?? ""}`),
  };
}
