import { MailweirError } from "../../shared/errors.ts";

/** Either end of a `MessageChannel` or a worker: what `openChannel` needs of it. */
export interface MessageEndpoint {
  postMessage(message: unknown): void;
  on(event: "message", listener: (message: unknown) => void): unknown;
}

export interface Channel {
  /** Calls a method at the other end. Streams (async iterables) among arguments and results cross in chunks. */
  call(target: string, method: string, args: readonly unknown[]): Promise<unknown>;
  /** Fails everything that still waits for an answer. */
  close(reason: Error): void;
}

/** Runs one call that came from the other end. */
export type CallHandler = (target: string, method: string, args: readonly unknown[]) => Promise<unknown>;

/** An error that was thrown at the other end of a channel; only its code, text and retryability cross. */
export class RemoteError extends MailweirError {
  readonly code: `ERR_${string}`;
  readonly retryable: boolean;
  constructor(error: { readonly code: `ERR_${string}`; readonly message: string; readonly retryable: boolean }) {
    super(error.message);
    this.code = error.code;
    this.retryable = error.retryable;
  }
}

type Wire =
  | {
      readonly kind: "call";
      readonly id: number;
      readonly target: string;
      readonly method: string;
      readonly args: readonly unknown[];
    }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | {
      readonly kind: "error";
      readonly id: number;
      readonly error: { code: `ERR_${string}`; message: string; retryable: boolean };
    }
  | { readonly kind: "pull"; readonly id: number; readonly stream: number }
  | { readonly kind: "cancel"; readonly stream: number };

interface StreamMark {
  readonly $stream: number;
}

// What one pull brings at most, unless the source's own chunks are larger.
const pullBytes = 64 * 1024;

/**
 * Calls both ways over one message port. Values are structured-cloned; an async iterable of octets, as an argument or as
 * a property of an argument or result, stays where it is and is pulled by the reader, so that nothing is ever sent that
 * nobody asked for.
 */
export function openChannel(endpoint: MessageEndpoint, handle: CallHandler): Channel {
  let nextId = 1;
  let closed: Error | undefined;
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const sources = new Map<number, AsyncIterator<Uint8Array>>();

  const request = (
    message:
      | { kind: "call"; target: string; method: string; args: readonly unknown[] }
      | { kind: "pull"; stream: number },
  ) =>
    new Promise<unknown>((resolve, reject) => {
      if (closed) return reject(closed);
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      endpoint.postMessage({ ...message, id } satisfies Wire);
    });

  const answer = async (id: number, work: () => Promise<unknown>) => {
    let message: Wire;
    try {
      message = { kind: "result", id, value: await work() };
    } catch (error) {
      message = { kind: "error", id, error: describe(error) };
    }
    if (!closed) endpoint.postMessage(message);
  };

  /** Takes chunks off a source until they make a good message; `undefined` behind the last one. */
  const pull = async (stream: number): Promise<readonly Uint8Array[] | undefined> => {
    const source = sources.get(stream);
    if (!source) throw new Error("the stream has ended");
    const chunks: Uint8Array[] = [];
    let size = 0;
    while (size < pullBytes) {
      const next = await source.next();
      if (next.done) {
        if (chunks.length > 0) break;
        sources.delete(stream);
        return undefined;
      }
      chunks.push(next.value);
      size += next.value.byteLength;
    }
    return chunks;
  };

  const encode = (value: unknown, depth = 0): unknown => {
    if (isStream(value)) {
      const stream = nextId++;
      sources.set(stream, value[Symbol.asyncIterator]());
      return { $stream: stream } satisfies StreamMark;
    }
    if (depth > 1 || !isPlainObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, encode(inner, depth + 1)]));
  };

  const decode = (value: unknown, depth = 0): unknown => {
    if (isStreamMark(value)) return read(value.$stream);
    if (depth > 1 || !isPlainObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, decode(inner, depth + 1)]));
  };

  async function* read(stream: number): AsyncGenerator<Uint8Array> {
    let ended = false;
    try {
      for (;;) {
        const chunks = (await request({ kind: "pull", stream })) as readonly Uint8Array[] | undefined;
        if (chunks === undefined) {
          ended = true;
          return;
        }
        yield* chunks;
      }
    } finally {
      if (!ended && !closed) endpoint.postMessage({ kind: "cancel", stream } satisfies Wire);
    }
  }

  endpoint.on("message", (raw) => {
    const message = raw as Wire;
    switch (message.kind) {
      case "call":
        void answer(message.id, async () =>
          encode(
            await handle(
              message.target,
              message.method,
              message.args.map((arg) => decode(arg)),
            ),
          ),
        );
        return;
      case "pull":
        void answer(message.id, () => pull(message.stream));
        return;
      case "cancel":
        void sources.get(message.stream)?.return?.();
        sources.delete(message.stream);
        return;
      case "result":
        waiting.get(message.id)?.resolve(decode(message.value));
        waiting.delete(message.id);
        return;
      case "error":
        waiting.get(message.id)?.reject(new RemoteError(message.error));
        waiting.delete(message.id);
        return;
      default:
        return;
    }
  });

  return {
    call: (target, method, args) => request({ kind: "call", target, method, args: args.map((arg) => encode(arg)) }),
    close(reason) {
      closed = reason;
      for (const { reject } of waiting.values()) reject(reason);
      waiting.clear();
      for (const source of sources.values()) void source.return?.();
      sources.clear();
    },
  };
}

function describe(error: unknown): { code: `ERR_${string}`; message: string; retryable: boolean } {
  if (error instanceof MailweirError) return { code: error.code, message: error.message, retryable: error.retryable };
  return { code: "ERR_UNEXPECTED", message: error instanceof Error ? error.message : String(error), retryable: true };
}

function isStream(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function isStreamMark(value: unknown): value is StreamMark {
  return isPlainObject(value) && typeof value["$stream"] === "number" && Object.keys(value).length === 1;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
