import { MessageChannel } from "node:worker_threads";
import { afterEach, describe, expect, test } from "vitest";
import { type CallHandler, openChannel } from "../../../local/invoke/channel.ts";
import { MailweirError } from "../../../shared/errors.ts";

const opened: MessageChannel[] = [];
afterEach(() => {
  for (const { port1 } of opened.splice(0)) port1.close();
});

function pair(handle: CallHandler) {
  const link = new MessageChannel();
  opened.push(link);
  const there = openChannel(link.port2, handle);
  const here = openChannel(link.port1, async () => undefined);
  return { here, there };
}

async function* chunks(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const [index, size] of sizes.entries()) yield new Uint8Array(size).fill(index + 1);
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

class TeapotError extends MailweirError {
  readonly code = "ERR_TEAPOT";
  readonly retryable = false;
}

describe("calls between threads", () => {
  test("a call brings its answer, dates and octets included", async () => {
    const { here } = pair(async (target, method, args) => ({ target, method, args }));
    const args = [new Date(5), new Uint8Array([1, 2]), { a: 1 }];
    expect(await here.call("ledger", "claim", args)).toEqual({ target: "ledger", method: "claim", args });
  });

  test("an error keeps its code, its text and whether a retry can help", async () => {
    const { here } = pair(async () => {
      throw new TeapotError("short and stout");
    });
    await expect(here.call("x", "y", [])).rejects.toMatchObject({
      code: "ERR_TEAPOT",
      message: "short and stout",
      retryable: false,
    });
  });

  test("a stream among the arguments arrives whole and in order", async () => {
    const { here } = pair(async (_target, _method, args) => collect(args[1] as AsyncIterable<Uint8Array>));
    const got = (await here.call("objects", "put", ["ref", chunks(70_000, 3, 200_000)])) as Uint8Array;
    expect(Buffer.from(got).equals(await collect(chunks(70_000, 3, 200_000)))).toBe(true);
  });

  test("a stream in the result arrives whole, and an empty one ends at once", async () => {
    const { here } = pair(async (_target, method) => ({
      sizeBytes: 3,
      body: method === "empty" ? chunks() : chunks(1, 1, 1),
    }));
    const full = (await here.call("objects", "open", [])) as { body: AsyncIterable<Uint8Array>; sizeBytes: number };
    expect(full.sizeBytes).toBe(3);
    expect([...(await collect(full.body))]).toEqual([1, 2, 3]);
    const empty = (await here.call("objects", "empty", [])) as { body: AsyncIterable<Uint8Array> };
    expect(await collect(empty.body)).toHaveLength(0);
  });

  test("a reader who stops early stops the source", async () => {
    let stopped = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(65_536);
      } finally {
        stopped = true;
      }
    }
    const { here } = pair(async () => ({ body: endless() }));
    const { body } = (await here.call("objects", "open", [])) as { body: AsyncIterable<Uint8Array> };
    for await (const _ of body) break;
    await here.call("objects", "open", []);
    expect(stopped).toBe(true);
  });

  test("a source that breaks breaks the reader, not the channel", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(65_536);
      throw new TeapotError("out of tea");
    }
    const { here } = pair(async () => ({ body: broken() }));
    const { body } = (await here.call("objects", "open", [])) as { body: AsyncIterable<Uint8Array> };
    await expect(collect(body)).rejects.toMatchObject({ code: "ERR_TEAPOT" });
    expect(await here.call("objects", "open", [])).toBeTypeOf("object");
  });

  test("closing fails what still waits", async () => {
    const { here } = pair(() => new Promise(() => undefined));
    const waiting = here.call("x", "y", []);
    here.close(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    await expect(here.call("x", "y", [])).rejects.toThrow("gone");
  });
});
