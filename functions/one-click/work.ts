import * as z from "zod";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { MailweirError } from "../../shared/errors.ts";
import type { Ports } from "../../shared/ports.ts";
import { oneClick } from "../../shared/unsubscribe/one-click.ts";
import { type Handler, logger } from "../stack.ts";

/** What a Lambda function URL answers with (payload format 2.0). */
export interface FunctionUrlResult {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export class FunctionUrlEventError extends MailweirError {
  readonly code = "ERR_FUNCTION_URL_EVENT";
  readonly retryable = false;
}

// Payload format 2.0: header names in lower case, several values joined with commas.
const schema = z.object({
  rawPath: z.string(),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().optional(),
  isBase64Encoded: z.boolean().default(false),
  requestContext: z.object({
    requestId: z.string().min(1),
    http: z.object({ method: z.string(), sourceIp: z.string().default("unknown") }),
  }),
});

/** The one-click page (RFC 8058): behind a function URL on AWS, behind the engine's HTTP port on one machine. */
export const work =
  (ports: Ports, config: ResolvedConfig): Handler<FunctionUrlResult> =>
  async (event) => {
    const { success, data } = schema.safeParse(event);
    if (!success) throw new FunctionUrlEventError("The event is not a function URL's: put this function behind one");
    const { rawPath, headers, body = "", isBase64Encoded, requestContext } = data;
    const { method, sourceIp } = requestContext.http;
    const { status, ...response } = await oneClick(ports, config, {
      id: requestContext.requestId,
      method: method.toUpperCase(),
      path: rawPath,
      headers,
      body: Buffer.from(body, isBase64Encoded ? "base64" : "utf8"),
      sourceIp,
    });
    logger.info("one-click answered", { method, status });
    return { statusCode: status, ...response };
  };
