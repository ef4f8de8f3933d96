import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ObjectStore } from "../../shared/ports.ts";
import { bytesOf, inPieces, type Opened } from "./opened.ts";

export interface OpenedObjects extends Opened<{ readonly objects: ObjectStore }> {
  /** A bucket that exists. */
  readonly bucket: string;
}

/** What every object store promises. */
export function objectsContract(name: string, open: () => Promise<OpenedObjects>): void {
  describe(`ObjectStore: ${name}`, () => {
    let opened: OpenedObjects;
    let objects: ObjectStore;
    let prefix: string;
    beforeEach(async () => {
      opened = await open();
      objects = opened.ports.objects;
      prefix = `test-${randomBytes(8).toString("hex")}/`;
    });
    afterEach(() => opened.close?.());
    const ref = (key: string) => ({ bucket: opened.bucket, key: prefix + key });
    const read = async (key: string) => bytesOf((await objects.open(ref(key))).body);

    test.for<[string, number]>([
      ["nothing", 0],
      ["one octet", 1],
      ["exactly 64 KB", 65_536],
      ["one octet more than 64 KB", 65_537],
      ["1 MB", 1_048_576],
    ])("gives back %s, whole or streamed", async ([, size]) => {
      const body = randomBytes(size);
      await objects.put(ref("whole"), body);
      await objects.put(ref("streamed"), inPieces(body.subarray(0, size >> 1), body.subarray(size >> 1)));
      expect((await read("whole")).equals(body)).toBe(true);
      expect((await read("streamed")).equals(body)).toBe(true);
      expect((await objects.head(ref("streamed")))?.sizeBytes).toBe(size);
    });

    test("reads in chunks of at most 64 KB", async () => {
      await objects.put(ref("large"), randomBytes(300_000));
      const { body } = await objects.open(ref("large"));
      let largest = 0;
      for await (const chunk of body) largest = Math.max(largest, chunk.length);
      expect(largest).toBeLessThanOrEqual(65_536);
    });

    test("keeps metadata and size, and tells them without the body", async () => {
      await objects.put(ref("a"), Buffer.from("hello"), { "x-amz-cek-alg": "AES/GCM/NoPadding", note: "1" });
      const head = await objects.head(ref("a"));
      expect(head).toMatchObject({ sizeBytes: 5, metadata: { "x-amz-cek-alg": "AES/GCM/NoPadding", note: "1" } });
      expect(head?.lastModified).toBeInstanceOf(Date);
      const { body, ...rest } = await objects.open(ref("a"));
      await bytesOf(body);
      expect(rest).toMatchObject({ sizeBytes: 5, metadata: head?.metadata });
    });

    test("replaces what was there, metadata too", async () => {
      await objects.put(ref("a"), randomBytes(100_000), { old: "1" });
      await objects.put(ref("a"), Buffer.from("new"));
      expect((await read("a")).toString()).toBe("new");
      expect((await objects.head(ref("a")))?.metadata).toEqual({});
    });

    test("a body that breaks off leaves what was there", async () => {
      await objects.put(ref("a"), Buffer.from("old"));
      const broken = async function* () {
        yield randomBytes(100_000);
        throw new Error("the sender went away");
      };
      await expect(objects.put(ref("a"), broken())).rejects.toThrow("the sender went away");
      expect((await read("a")).toString()).toBe("old");
    });

    test("what is not there has no head, and opening it names bucket and key", async () => {
      expect(await objects.head(ref("none"))).toBeUndefined();
      await expect(objects.open(ref("none"))).rejects.toMatchObject({ code: "ERR_OBJECT_NOT_FOUND", ref: ref("none") });
    });

    test("deleting takes it away; deleting again is a success", async () => {
      await objects.put(ref("a"), randomBytes(100_000));
      await objects.delete(ref("a"));
      await objects.delete(ref("a"));
      expect(await objects.head(ref("a"))).toBeUndefined();
    });

    test("lists keys in octet order behind `after`, by prefix, up to the limit", async () => {
      const keys = ["B", "a", "b/1", "b/2", "b", "é", "_%"];
      for (const key of keys) await objects.put(ref(key), Buffer.from(key));
      const inOrder = keys.map((key) => prefix + key).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const list = async (options: { prefix?: string; after?: string; limit: number }) =>
        (await objects.list(opened.bucket, options)).map((entry) => entry.key);
      expect(await list({ prefix, limit: 100 })).toEqual(inOrder);
      expect(await list({ prefix, limit: 2 })).toEqual(inOrder.slice(0, 2));
      expect(await list({ prefix, after: inOrder[1]!, limit: 100 })).toEqual(inOrder.slice(2));
      expect(await list({ prefix: `${prefix}b/`, limit: 100 })).toEqual([`${prefix}b/1`, `${prefix}b/2`]);
      expect((await objects.list(opened.bucket, { prefix: `${prefix}a`, limit: 1 }))[0]).toMatchObject({
        sizeBytes: 1,
      });
    });

    test("a key with every odd character is a key", async () => {
      const odd = "a b/ü€😀+%20&?#'\"(x)..//end";
      await objects.put(ref(odd), Buffer.from("odd"));
      expect((await read(odd)).toString()).toBe("odd");
    });
  });
}
