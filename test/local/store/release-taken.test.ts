import { expect, test } from "vitest";
import { openTemporary } from "./open-temporary.ts";

test("a queue message that a dead process had received is visible at the next start, and its old handle is stale", async () => {
  const { store, reopen } = await openTemporary();
  await store.ports.queues.send("ticket", [{ id: "m", body: "{}", delaySeconds: 0 }]);
  const [taken] = await store.ports.queues.receive("ticket", { max: 1 });
  const { queues } = (await reopen()).ports;
  expect(await queues.counts("ticket")).toMatchObject({ visible: 1, inFlight: 0 });
  await queues.delete("ticket", [taken!.receiptHandle]);
  const [again] = await queues.receive("ticket", { max: 1 });
  expect(again).toMatchObject({ messageId: taken!.messageId, receiveCount: 2 });
});

test("a message that is delayed on purpose stays delayed", async () => {
  const { store, reopen } = await openTemporary();
  await store.ports.queues.send("ticket", [{ id: "m", body: "{}", delaySeconds: 900 }]);
  expect(await (await reopen()).ports.queues.counts("ticket")).toMatchObject({ visible: 0, delayed: 1 });
});
