import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Queues } from "../../shared/ports.ts";
import { type Opened, twenty } from "./opened.ts";

export interface OpenedQueues extends Opened<{ readonly queues: Queues }> {
  /** An empty queue without delay, visibility timeout 60 s, at most 3 receives. */
  readonly queue: string;
  readonly deadLetterQueue: string;
}

/** What every queue promises: at least once, invisible while somebody works, dead letters after too many receives. */
export function queuesContract(name: string, open: () => Promise<OpenedQueues>): void {
  describe(`Queues: ${name}`, () => {
    let opened: OpenedQueues;
    let queues: Queues;
    let queue: string;
    beforeEach(async () => {
      opened = await open();
      queues = opened.ports.queues;
      queue = opened.queue;
    });
    afterEach(() => opened.close?.());
    const send = (...bodies: readonly string[]) =>
      queues.send(
        queue,
        bodies.map((body, index) => ({ id: `m${index}`, body })),
      );
    const receive = (max = 10, visibilityTimeoutMs?: number) =>
      queues.receive(queue, { max, ...(visibilityTimeoutMs !== undefined && { visibilityTimeoutMs }) });
    /** Skips by name where time cannot be moved. */
    const advance = (ms: number, skip: (note: string) => void): void => {
      if (opened.advance) opened.advance(ms);
      else skip("the adapter's clock cannot be moved");
    };

    test("an empty queue gives nothing", async () => {
      expect(await receive()).toEqual([]);
    });

    test("a message comes once while it is invisible, with its counts and dates", async () => {
      expect(await send("one")).toEqual([]);
      const [message] = await receive();
      expect(message).toMatchObject({ body: "one", receiveCount: 1 });
      expect(message?.firstReceivedAt.getTime()).toBeGreaterThanOrEqual(message?.sentAt.getTime() ?? Number.NaN);
      expect(await receive()).toEqual([]);
    });

    test("any number is sent in one call, and all of them arrive", async () => {
      const bodies = Array.from({ length: 25 }, (_, index) => `body ${index}`);
      expect(await send(...bodies)).toEqual([]);
      const got: string[] = [];
      for (let messages = await receive(); messages.length > 0; messages = await receive()) {
        got.push(...messages.map((message) => message.body));
      }
      expect(got.sort()).toEqual(bodies.sort());
    });

    test("20 receivers at once get each message once", async () => {
      await send(...Array.from({ length: 40 }, (_, index) => `body ${index}`));
      const got = (await twenty(() => receive(2))).flat().map((message) => message.body);
      expect(new Set(got).size).toBe(got.length);
    });

    test("a body of 256 KB is taken, one octet more is refused by name, the others go", async () => {
      const refused = await queues.send(queue, [
        { id: "fits", body: "x".repeat(262_144) },
        { id: "too-long", body: `ü${"x".repeat(262_143)}` },
        { id: "small", body: "small" },
      ]);
      expect(refused.map((entry) => entry.id)).toEqual(["too-long"]);
      expect(refused[0]?.cause).toMatch(/\d/);
      expect((await receive()).map((message) => message.body.length).sort((a, b) => a - b)).toEqual([5, 262_144]);
    });

    test("a delay beyond 15 minutes is refused by name", async () => {
      const refused = await queues.send(queue, [{ id: "late", body: "x", delaySeconds: 901 }]);
      expect(refused.map((entry) => entry.id)).toEqual(["late"]);
    });

    test("a deleted message does not come again", async ({ skip }) => {
      await send("one");
      const [message] = await receive();
      await queues.delete(queue, [message!.receiptHandle]);
      advance(61_000, skip);
      expect(await receive()).toEqual([]);
    });

    test("what nobody deletes comes again after its visibility timeout, counted", async ({ skip }) => {
      await send("one");
      const [first] = await receive();
      advance(60_001, skip);
      const [second] = await receive();
      expect(second).toMatchObject({
        messageId: first?.messageId,
        receiveCount: 2,
        firstReceivedAt: first?.firstReceivedAt,
      });
    });

    test("a stale receipt handle deletes nothing and is no error", async ({ skip }) => {
      await send("one");
      const [first] = await receive();
      advance(60_001, skip);
      await queues.delete(queue, [first!.receiptHandle]);
      const [second] = await receive();
      expect(second?.body).toBe("one");
      await queues.delete(queue, [first!.receiptHandle]);
      expect(await queues.counts(queue)).toMatchObject({ inFlight: 1 });
    });

    test("the handle of a deleted message never fits a new one", async () => {
      await send("old");
      const [old] = await receive();
      await queues.delete(queue, [old!.receiptHandle]);
      await send("new");
      await receive();
      await queues.changeVisibility(queue, old!.receiptHandle, 0).catch(() => undefined);
      await queues.delete(queue, [old!.receiptHandle]);
      expect(await queues.counts(queue)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    });

    test("visibility 0 gives a message back at once", async () => {
      await send("one");
      const [first] = await receive();
      await queues.changeVisibility(queue, first!.receiptHandle, 0);
      expect((await receive())[0]).toMatchObject({ body: "one", receiveCount: 2 });
    });

    test("a longer visibility keeps a message away longer", async ({ skip }) => {
      await send("one");
      const [first] = await receive();
      await queues.changeVisibility(queue, first!.receiptHandle, 300_000);
      advance(120_000, skip);
      expect(await receive()).toEqual([]);
      advance(181_000, skip);
      expect(await receive()).toHaveLength(1);
    });

    test("a delayed message waits", async ({ skip }) => {
      await queues.send(queue, [{ id: "late", body: "late", delaySeconds: 900 }]);
      expect(await queues.counts(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 1 });
      expect(await receive()).toEqual([]);
      advance(900_001, skip);
      expect(await receive()).toHaveLength(1);
    });

    test("counts tell what waits, what is worked on and what is delayed", async () => {
      await send("a", "b", "c");
      await receive(1);
      await queues.send(queue, [{ id: "late", body: "late", delaySeconds: 60 }]);
      expect(await queues.counts(queue)).toEqual({ visible: 2, inFlight: 1, delayed: 1 });
    });

    test("after its last receive a message goes to the dead-letter queue", async () => {
      await send("poison");
      for (let attempt = 1; attempt <= 3; attempt++) {
        const [message] = await receive();
        expect(message).toMatchObject({ receiveCount: attempt });
        await queues.changeVisibility(queue, message!.receiptHandle, 0);
      }
      expect(await receive()).toEqual([]);
      expect(await queues.counts(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
      expect((await queues.receive(opened.deadLetterQueue, { max: 10 }))[0]).toMatchObject({ body: "poison" });
    });

    test("a dead letter does not keep the others from coming", async () => {
      await send("poison");
      for (let attempt = 1; attempt <= 3; attempt++) {
        await queues.changeVisibility(queue, (await receive())[0]!.receiptHandle, 0);
      }
      await send("good");
      expect((await receive(1)).map((message) => message.body)).toEqual(["good"]);
    });
  });
}
