import type { WebAnswer, WebRequest } from "../ports.ts";
import { SinkError, type SinkTools } from "./sink.ts";

const timeoutMs = 20_000;
const maxAnswerBytes = 8 * 1024 * 1024;

export interface JsonAnswer extends WebAnswer {
  /** `undefined` when the answer was no JSON. */
  readonly json: unknown;
}

/** Calls a JSON interface; whatever it answers is an answer. @throws {WebhookError} nothing was answered */
export async function callJson(
  http: SinkTools["http"],
  request: Pick<WebRequest, "method" | "url" | "headers" | "allowPrivate" | "body"> & { readonly json?: unknown },
): Promise<JsonAnswer> {
  const { json, ...rest } = request;
  const answer = await http.request({
    ...rest,
    headers: {
      accept: "application/json",
      "user-agent": "mailweir",
      ...rest.headers,
      ...(json !== undefined && asJson),
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
    timeoutMs,
    maxAnswerBytes,
  });
  return { ...answer, json: parsed(answer.body) };
}

const asJson = { "content-type": "application/json" } as const;

/**
 * The error of an answer that is none of the wished ones. What a target says about this very entry (it is too long, say) will be said
 * again; everything else, a wrong key too, can be mended there or here.
 *
 * @param about - `entry`: 400, 413 and 422 refuse the entry for good. Otherwise they are about the configuration
 */
export function answerError(answer: JsonAnswer, doing: string, about: "entry" | "anything"): SinkError {
  const { status, retryAfter } = answer;
  const isRefused = about === "entry" && (status === 400 || status === 413 || status === 422);
  const hint = status === 401 || status === 403 ? ": check the key and what its user may do" : "";
  return new SinkError(`HTTP ${status} for ${doing}${hint}${said(answer.json)}`, {
    kind: isRefused ? "refused" : "setback",
    ...(retryAfter !== undefined && { retryAfter }),
  });
}

/** What the target says is wrong, short: it may repeat what it was sent. */
function said(json: unknown): string {
  if (typeof json !== "object" || json === null) return "";
  if ("errors" in json && Array.isArray(json.errors) && typeof json.errors[0] === "string") {
    return ` (${json.errors[0].slice(0, 150)})`;
  }
  return "message" in json && typeof json.message === "string" ? ` (${json.message.slice(0, 150)})` : "";
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
}
