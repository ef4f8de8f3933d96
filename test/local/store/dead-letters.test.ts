import { describe, expect, test } from "vitest";
import type { Store } from "../../../local/store/open-store.ts";
import { claimAgain, decisionFor, streamMessage } from "../../contract/opened.ts";
import { openTemporary } from "./open-temporary.ts";
import { acceptedMessage, sesId } from "./store-fixture.ts";

const ann = "ann@in.example";
const id = sesId(1);

async function receiveUntilDead(store: Store, queue: string, body: string): Promise<void> {
  await store.ports.queues.send(queue, [{ id: "m", body, delaySeconds: 0 }]);
  for (let receive = 1; receive <= 4; receive++) {
    for (const { receiptHandle } of await store.ports.queues.receive(queue, { max: 1 })) {
      await store.ports.queues.changeVisibility(queue, receiptHandle, 0);
    }
  }
  expect(await store.ports.queues.counts(`${queue}-dlq`)).toMatchObject({ visible: 1 });
}
const records = async (store: Store) =>
  (await store.ports.ledger.recipients(id)).map(({ recipient, state, cause }) => [recipient, state, cause]);

describe("with the move to the dead-letter queue", () => {
  test("the stream message's recipients end failed with the cause that the worker noted", async () => {
    const { store } = await openTemporary();
    await store.ports.ledger.decide([decisionFor(id, ann), decisionFor(id, "bob@in.example")]);
    const claim = await claimAgain(store.ports.ledger, { sesMessageId: id, recipient: ann });
    await store.ports.ledger.setback(claim, "the mailbox is full");
    await receiveUntilDead(store, "ticket", JSON.stringify(streamMessage(id, [ann, "bob@in.example"])));
    expect(await records(store)).toEqual([
      [ann, "failed", "the mailbox is full"],
      ["bob@in.example", "failed", "gave up after 3 receives from ticket"],
    ]);
  });

  test("whoever is done stays done", async () => {
    const { store } = await openTemporary();
    await store.ports.ledger.decide([decisionFor(id, ann)]);
    const claim = await claimAgain(store.ports.ledger, { sesMessageId: id, recipient: ann });
    await store.ports.ledger.finish(claim, { state: "done", outcome: "delivered" });
    await receiveUntilDead(store, "ticket", JSON.stringify(streamMessage(id, [ann])));
    expect(await records(store)).toEqual([[ann, "done", undefined]]);
  });

  test("the safety net's S3 event ends those for whom nobody decided, and only them", async () => {
    const { store } = await openTemporary();
    const raw = Buffer.from("Subject: x\r\n\r\n");
    await store.engine.accept(acceptedMessage(id, raw.length, [ann, "bob@in.example"]), { kind: "inline", bytes: raw });
    await store.ports.ledger.decide([decisionFor(id, "bob@in.example")]);
    const event = { Records: [{ eventSource: "aws:s3", s3: { object: { key: `inbound/${id}` } } }] };
    await receiveUntilDead(store, "objects", JSON.stringify(event));
    expect(await records(store)).toEqual([
      [ann, "failed", "not routed: gave up after 3 receives from objects"],
      ["bob@in.example", "decided", undefined],
    ]);
  });

  test.for<[string, string]>([
    ["no JSON", "{"],
    ["JSON of somebody else", '{"hello":[1]}'],
    ["a number", "7"],
    ["null", "null"],
    [
      "a stream message with recipients of no kind",
      `{"sesMessageId":"${id}","stream":"ticket","recipients":[1,null,{}]}`,
    ],
    ["a stream message of no mail", '{"sesMessageId":"../..","stream":"ticket","recipients":["ann@in.example"]}'],
    ["records without an object", '{"Records":[null]}'],
  ])("%s moves too and ends nobody", async ([, body]) => {
    const { store } = await openTemporary();
    await store.ports.ledger.decide([decisionFor(id, ann)]);
    await receiveUntilDead(store, "ticket", body);
    expect(await records(store)).toEqual([[ann, "decided", undefined]]);
  });
});

describe("when it is tried again", () => {
  const bob = "bob@in.example";
  const dead = async (store: Store) => (await store.ports.queues.peek("ticket-dlq", { limit: 10 })).length;

  test("the recipient's dead letter goes with the new decision, and others stay", async () => {
    const { store } = await openTemporary();
    const other = sesId(2);
    await store.ports.ledger.decide([decisionFor(id, ann), decisionFor(other, ann)]);
    await receiveUntilDead(store, "ticket", JSON.stringify(streamMessage(id, [ann])));
    await store.ports.queues.send("ticket", [{ id: "m", body: JSON.stringify(streamMessage(other, [ann])) }]);
    for (let receive = 1; receive <= 4; receive++) {
      for (const { receiptHandle } of await store.ports.queues.receive("ticket", { max: 1 })) {
        await store.ports.queues.changeVisibility("ticket", receiptHandle, 0);
      }
    }
    expect(await dead(store)).toBe(2);
    expect(await store.ports.ledger.redecide(decisionFor(id, ann))).toMatchObject({ state: "decided" });
    const left = await store.ports.queues.peek("ticket-dlq", { limit: 10 });
    expect(left.map(({ body }) => JSON.parse(body).sesMessageId)).toEqual([other]);
    expect((await store.ports.ledger.recipients(other))[0]).toMatchObject({ state: "failed" });
  });

  test("a letter of two stays until both are tried again", async () => {
    const { store } = await openTemporary();
    await store.ports.ledger.decide([decisionFor(id, ann), decisionFor(id, bob)]);
    await receiveUntilDead(store, "ticket", JSON.stringify(streamMessage(id, [ann, bob])));
    await store.ports.ledger.redecide(decisionFor(id, ann));
    expect(await dead(store)).toBe(1);
    await store.ports.ledger.redecide(decisionFor(id, bob));
    expect(await dead(store)).toBe(0);
  });

  test("what failed for the last time and is not moved yet neither comes back nor ends what is under way", async () => {
    const { store, clock } = await openTemporary();
    await store.ports.ledger.decide([decisionFor(id, ann), decisionFor(id, bob)]);
    const { queues, ledger } = store.ports;
    await queues.send(
      "ticket",
      [ann, bob].map((to) => ({ id: to, body: JSON.stringify(streamMessage(id, [to])) })),
    );
    for (let receive = 1; receive <= 3; receive++) {
      for (const { receiptHandle } of await queues.receive("ticket", { max: 2 })) {
        await queues.changeVisibility("ticket", receiptHandle, receive === 3 ? 8_000 : 0);
      }
    }
    const claim = await claimAgain(ledger, { sesMessageId: id, recipient: ann });
    await ledger.finish(claim, { state: "failed", outcome: "failed", cause: "the door is shut" });
    await ledger.redecide(decisionFor(id, ann));
    clock.advance(10_000);
    expect(await queues.receive("ticket", { max: 2 })).toEqual([]);
    expect((await queues.peek("ticket-dlq", { limit: 10 })).map(({ body }) => JSON.parse(body).recipients)).toEqual([
      [bob],
    ]);
    expect((await records(store)).map(([to, state]) => [to, state])).toEqual([
      [ann, "decided"],
      [bob, "failed"],
    ]);
  });

  test("a retry that fails too has one letter", async () => {
    const { store } = await openTemporary();
    await store.ports.ledger.decide([decisionFor(id, ann)]);
    await receiveUntilDead(store, "ticket", JSON.stringify(streamMessage(id, [ann])));
    await store.ports.ledger.redecide(decisionFor(id, ann));
    await receiveUntilDead(store, "ticket", JSON.stringify(streamMessage(id, [ann])));
    expect(await dead(store)).toBe(1);
    expect((await records(store))[0]).toMatchObject([ann, "failed", expect.stringContaining("gave up")]);
  });
});

describe("repair", () => {
  test("a redriven message comes again from its own queue, and the worker may claim", async () => {
    const { store } = await openTemporary();
    await store.ports.ledger.decide([decisionFor(id, ann)]);
    await receiveUntilDead(store, "ticket", JSON.stringify(streamMessage(id, [ann])));
    const [dead] = await store.ports.queues.peek("ticket-dlq", { limit: 10 });
    expect(dead).toMatchObject({ deadFrom: "ticket" });
    expect(await store.ports.queues.redrive("ticket-dlq", ["no-such-id"])).toBe(0);
    expect(await store.ports.queues.redrive("ticket-dlq", [dead!.messageId])).toBe(1);
    expect(await store.ports.queues.counts("ticket-dlq")).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect((await store.ports.queues.receive("ticket", { max: 1 }))[0]).toMatchObject({ receiveCount: 1 });
    expect(await store.ports.ledger.claim(id, ann)).toMatchObject({ kind: "claimed" });
  });

  test("a receipt handle from before the redrive is stale", async () => {
    const { store } = await openTemporary();
    await store.ports.queues.send("ticket", [{ id: "m", body: "x" }]);
    const handles: string[] = [];
    for (let receive = 1; receive <= 3; receive++) {
      const [message] = await store.ports.queues.receive("ticket", { max: 1 });
      handles.push(message!.receiptHandle);
      await store.ports.queues.changeVisibility("ticket", message!.receiptHandle, 0);
    }
    await store.ports.queues.receive("ticket", { max: 1 });
    await store.ports.queues.redrive("ticket-dlq");
    await store.ports.queues.receive("ticket", { max: 1 });
    await store.ports.queues.delete("ticket", handles);
    expect(await store.ports.queues.counts("ticket")).toMatchObject({ inFlight: 1 });
  });

  test("purging empties a queue", async () => {
    const { store } = await openTemporary();
    await store.ports.queues.send(
      "ticket",
      [1, 2, 3].map((number) => ({ id: `${number}`, body: "x" })),
    );
    expect(await store.ports.queues.purge("ticket")).toBe(3);
    expect(await store.ports.queues.receive("ticket", { max: 10 })).toEqual([]);
  });

  test("a queue that does not exist is named, with those that do", async () => {
    const { store } = await openTemporary();
    await expect(store.ports.queues.send("tickets", [])).rejects.toMatchObject({
      code: "ERR_UNKNOWN_QUEUE",
      message: expect.stringMatching(/"tickets".*ticket/),
    });
  });
});
