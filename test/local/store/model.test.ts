import { expect, test } from "vitest";
import { compareWithModel, type ModelHome } from "../../contract/queue-and-ledger-model.ts";
import { openTemporary, type Temporary } from "./open-temporary.ts";
import { sesId } from "./store-fixture.ts";

test("queue and ledger do what a page of plain code does, whatever comes in which order", async () => {
  const temporary = await openTemporary();
  const homeOf = (store: Temporary["store"]): ModelHome => ({
    ports: store.ports,
    queue: "ticket",
    idOf: sesId,
    pass: async (ms) => void temporary.clock.advance(ms),
    async redrive() {
      const dead = store.database.read((sql) => sql.all("SELECT body FROM queue_messages WHERE queue = 'ticket-dlq'"));
      expect(await store.ports.queues.redrive("ticket-dlq")).toBe(dead.length);
      return dead.map(({ body }) => String(JSON.parse(String(body)).sesMessageId));
    },
    inOrder: true,
    restart: async () => homeOf(await temporary.reopen()),
    deadLettersFail: true,
    oldHandlesAreNothing: true,
  });
  let run = 0;
  await compareWithModel(
    async () => {
      // One folder for all runs: each begins with empty tables.
      const store = run++ === 0 ? temporary.store : await temporary.reopen();
      await store.database.write((tx) => {
        for (const table of ["queue_messages", "recipients", "ids"]) tx.run(`DELETE FROM ${table}`);
      });
      return { home: homeOf(store), now: temporary.clock.now().getTime() };
    },
    { runs: 60, seed: 20_260_804, longest: 120 },
  );
});
