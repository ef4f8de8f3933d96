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
  expect(again).toMatchObject({ messageId: taken!.messageId, receiveCount: 1 });
});

test("a process that dies ten times over a message makes no dead letter of it; one that dies fifty times does", async () => {
  const { store, reopen } = await openTemporary();
  let { queues } = store.ports;
  await queues.send("ticket", [{ id: "m", body: "{}", delaySeconds: 0 }]);
  const die = async (times: number) => {
    for (let time = 0; time < times; time++) {
      await queues.receive("ticket", { max: 1 });
      queues = (await reopen()).ports.queues;
    }
  };
  await die(10);
  expect(await queues.counts("ticket-dlq")).toMatchObject({ visible: 0 });
  expect(await queues.counts("ticket")).toMatchObject({ visible: 1 });
  await die(40);
  expect(await queues.counts("ticket-dlq")).toMatchObject({ visible: 1 });
});

test("receives that ended in a failure keep their count over a restart", async () => {
  const { store, reopen } = await openTemporary();
  await store.ports.queues.send("ticket", [{ id: "m", body: "{}", delaySeconds: 0 }]);
  for (let time = 0; time < 2; time++) {
    const [taken] = await store.ports.queues.receive("ticket", { max: 1 });
    await store.ports.queues.changeVisibility("ticket", taken!.receiptHandle, 0);
  }
  const [third] = await (await reopen()).ports.queues.receive("ticket", { max: 1 });
  expect(third).toMatchObject({ receiveCount: 3 });
});

test("a message that is delayed on purpose stays delayed", async () => {
  const { store, reopen } = await openTemporary();
  await store.ports.queues.send("ticket", [{ id: "m", body: "{}", delaySeconds: 900 }]);
  expect(await (await reopen()).ports.queues.counts("ticket")).toMatchObject({ visible: 0, delayed: 1 });
});
