import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type Engine, startEngine } from "../../../local/engine.ts";
import { createExpiry } from "../../../local/retention/expire-mail.ts";
import { forgetAddress } from "../../../local/retention/forget-address.ts";
import { createHolds } from "../../../local/retention/holds.ts";
import type { Store } from "../../../local/store/open-store.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import type { MailConfig } from "../../../shared/config/types.ts";
import { manageSuppressions } from "../../../shared/unsubscribe/manage.ts";
import { contractRetention, type RetentionHome } from "../../contract/retention.ts";
import { mail as rawMail } from "../console/console-engine.ts";

const dayMs = 86_400_000;
const begin = Date.parse("2026-08-04T09:15:02.000Z");
const base: MailConfig = {
  domains: ["example.com"],
  streams: {
    ticket: { recipients: ["support@example.com"] },
    personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
  },
};

/** One machine: a whole engine; the job that ends mail is run by hand, so that each of its calls can be met. */
export async function openRetentionHome(): Promise<RetentionHome> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-retention-"));
  await writeFile(join(folder, "zone.json"), "{}");
  let now = begin;
  const clock = { now: () => new Date(now), ticking: false };
  const engine: Engine = await startEngine({
    // Without `retention`: the engine's own job has nothing to do.
    config: { ...base, local: { dns: { zone: join(folder, "zone.json") } } },
    data: join(folder, "data"),
    smtp: "127.0.0.1:0",
    http: "127.0.0.1:0",
    clock,
    stderr: "none",
  });
  const { store } = engine;
  const { retention } = resolveConfig({ ...base, retention: contractRetention });
  const holds = createHolds(store.database);
  const count = (text: string, ...values: readonly (string | number)[]) =>
    store.database.read((sql) => Number(sql.get(text, ...values)?.["n"]));

  /** Asked before each call; nobody meets the calls outside `during`. */
  let ask: () => Promise<void> = async () => undefined;
  const asking =
    <Args extends readonly unknown[], Result>(act: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      await ask();
      return act(...args);
    };
  const database = { ...store.database, write: asking(store.database.write) as Store["database"]["write"] };
  const met = { ...store, database };
  const search = { forget: asking(engine.search.forget), sweep: asking(engine.search.sweep) };

  /** Whatever is due by the clock has run, until nothing is left of what is counted. */
  const settle = (left: () => number) =>
    expect
      .poll(
        async () => {
          engine.wake();
          await engine.settled();
          return left();
        },
        { timeout: 120_000, interval: 20 },
      )
      .toBe(0);
  const waiting = () => count("SELECT count(*) AS n FROM queue_messages WHERE dead_from IS NULL");
  let mails = 0;
  const receive: RetentionHome["receive"] = async ({ to, from = "ann@sender.example", subject, headers, body }) => {
    mails += 1;
    const query = new URLSearchParams({ from, ip: "203.0.113.25", helo: "mx.sender.example" });
    for (const recipient of to) query.append("to", recipient);
    const own = { "Message-ID": `<contract-${mails}@sender.example>`, ...headers };
    const response = await fetch(new URL(`/api/messages?${query}`, engine.http), {
      method: "POST",
      headers: { authorization: `Bearer ${engine.token}`, "content-type": "message/rfc822" },
      body: rawMail(subject ?? `Mail ${mails}`, body, own),
    });
    const { sesMessageId } = (await response.json()) as { sesMessageId: string };
    expect(sesMessageId).toBeTypeOf("string");
    const of = "FROM recipients JOIN ids USING (seq) WHERE ses_message_id = ?";
    await settle(() => to.length - count(`SELECT count(*) AS n ${of} AND open = 0`, sesMessageId));
    // The safety net looks at every stored object a quarter of an hour later.
    now += dayMs / 24;
    await settle(waiting);
    return sesMessageId;
  };

  return {
    stride: 1,
    day: () => Math.ceil((now - begin) / dayMs),
    async moveTo(day) {
      now = Math.max(now, begin + day * dayMs);
    },
    async pass() {
      const errors: unknown[] = [];
      const log = { info: () => undefined, error: (...said: unknown[]) => void errors.push(said) };
      now += dayMs / 24;
      const expiry = createExpiry({ store: met, search, retention, clock, log });
      await expiry.tick();
      await expiry.idle();
      if (errors.length > 0) throw new Error(JSON.stringify(errors));
    },
    receive,
    place: ({ from } = {}) => receive({ to: ["ann@example.com"], ...(from !== undefined && { from }) }),
    async fate(id) {
      const counts = [
        count("SELECT count(*) AS n FROM messages JOIN ids USING (seq) WHERE ses_message_id = ?", id),
        count("SELECT count(*) AS n FROM recipients JOIN ids USING (seq) WHERE ses_message_id = ?", id),
        count("SELECT count(*) AS n FROM objects WHERE instr(key, ?) > 0", id),
        count("SELECT count(*) AS n FROM metas JOIN ids USING (seq) WHERE ses_message_id = ?", id),
      ];
      if (counts.every((n) => n > 0)) return "kept";
      return counts.every((n) => n === 0) ? "gone" : "half";
    },
    tickets: async () => (await engine.ports.tickets.list({ limit: 100 })).tickets,
    async closeTicket(id) {
      await engine.ports.tickets.change(id, { id: `close-${id}`, state: "closed" });
    },
    hold: (subject) => holds.hold({ subject, reason: "case 4711", by: "counsel", at: clock.now().toISOString() }),
    async release(subject) {
      expect(await holds.release(subject)).toBe(true);
    },
    async forget(address) {
      const { messages } = await forgetAddress(
        {
          store: met,
          search,
          forgetPerson: asking(async (whom) => (await manageSuppressions(engine.ports)).forget({ address: whom })),
          configuration: JSON.stringify(engine.config),
        },
        address,
      );
      return messages;
    },
    async traces(address) {
      const named = new RegExp(`(?<![\\w.])${address.replaceAll(".", "\\.")}`, "i");
      const encoded = Buffer.from(`Ask ${address.toUpperCase()}`).toString("base64").slice(0, 20);
      const found: string[] = [];
      const says = (value: unknown): boolean => {
        const text = value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
        return named.test(text) || text.includes(encoded);
      };
      const tables = store.database.read((sql) => sql.all("SELECT name FROM sqlite_master WHERE type = 'table'"));
      for (const table of tables.map(({ name }) => String(name))) {
        if (table === "holds" || table.startsWith("sqlite_")) continue;
        // An address that is being forgotten is noted until it is.
        const rows = store.database.read((sql) => sql.all(`SELECT * FROM "${table}"`));
        found.push(
          ...rows.filter((row) => Object.values(row).some(says)).map((row) => `${table} ${JSON.stringify(row)}`),
        );
      }
      const maildir = join(engine.data, "maildir");
      for (const name of await readdir(maildir, { recursive: true })) {
        const text = await readFile(join(maildir, name), "latin1").catch(() => "");
        if (says(text)) found.push(name);
      }
      return found;
    },
    async during(work, before) {
      let calls = 0;
      ask = async () => {
        calls += 1;
        const what = before(calls);
        if (what === "killed") throw new Error("killed");
        await what;
      };
      try {
        return await work();
      } finally {
        ask = async () => undefined;
      }
    },
    async close() {
      await engine.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
