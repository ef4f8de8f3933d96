import { MailweirError } from "../../shared/errors.ts";
import { type ActiveReceiving, createActiveReceiving } from "./active-receiving.ts";
import { checkSignature, type SesRequest } from "./check-signature.ts";
import { filterOperations } from "./filter-operations.ts";
import { identityOperations } from "./identities.ts";
import type { Operations, SesApiParts } from "./parts.ts";
import { parseQueryRequest, textOf } from "./query-request.ts";
import { Refusal } from "./refusal.ts";
import { ruleOperations } from "./rule-operations.ts";
import { ruleSetOperations } from "./rule-set-operations.ts";
import { createNamedSets } from "./rule-sets.ts";
import { sendBounceOperation } from "./send-bounce.ts";
import { xmlError, xmlResponse } from "./xml-response.ts";

export interface SesResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SesApi {
  /** Never rejects: what goes wrong is an ErrorResponse. */
  answer(request: SesRequest): Promise<SesResponse>;
  /** What reception goes by now: the same object until something changes. */
  activeReceiving(): ActiveReceiving;
}

const version = "2010-12-01";

/** The SES API v1 for receiving (ses-receiving.md §9), without a server: a request in, a response out. */
export function createSesApi(parts: SesApiParts): SesApi {
  const { clock, random, keys, rateLimitMs } = parts;
  const sets = createNamedSets(parts);
  const operations = new Map(
    Object.entries({
      ...ruleSetOperations(parts, sets),
      ...ruleOperations(parts, sets),
      ...filterOperations(parts),
      ...identityOperations(parts),
      SendBounce: sendBounceOperation(parts),
    } satisfies Operations),
  );
  const lastCalls = new Map<string, number>();

  const keepRate = (action: string) => {
    if (rateLimitMs === undefined) return;
    const now = clock.now().getTime();
    const last = lastCalls.get(action);
    if (last !== undefined && now - last < rateLimitMs) throw new Refusal("Throttling", "Rate exceeded");
    lastCalls.set(action, now);
  };

  const run = async (request: SesRequest, requestId: string): Promise<SesResponse> => {
    checkSignature(request, keys, clock.now());
    if (request.method !== "POST") throw new Refusal("InvalidAction", "The SES API is called with POST");
    const query = parseQueryRequest(request.body);
    const action = textOf(query, "Action") ?? "";
    const asked = textOf(query, "Version");
    const operation = operations.get(action);
    if (!operation || asked !== version) {
      throw new Refusal("InvalidAction", `Could not find operation ${action} for version ${asked ?? ""}`);
    }
    keepRate(action);
    return response(200, requestId, xmlResponse(action, await operation(query), requestId));
  };

  return {
    async answer(request) {
      const requestId = uuid(random.bytes(16));
      try {
        return await run(request, requestId);
      } catch (error) {
        const refusal = error instanceof Refusal ? error : failure(error);
        return response(refusal.status, requestId, xmlError(refusal, requestId));
      }
    },
    activeReceiving: createActiveReceiving(parts),
  };
}

/** A fault of ours: retryable for SDKs (5xx), and no more told than its code. */
function failure(error: unknown): Refusal {
  const code = error instanceof MailweirError ? ` (${error.code})` : "";
  return new Refusal("InternalFailure", `The request failed inside the engine${code}`, {}, 500);
}

function response(status: number, requestId: string, body: string): SesResponse {
  return { status, headers: { "content-type": "text/xml", "x-amzn-requestid": requestId }, body };
}

/** RFC 9562 §5.4. */
function uuid(octets: Uint8Array): string {
  const bytes = Buffer.from(octets);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
