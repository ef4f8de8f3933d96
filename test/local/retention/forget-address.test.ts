import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseSesMessageId } from "../../../shared/ses-message-id.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "../console/console-engine.ts";
import { askToForget } from "./ask-to-forget.ts";

const victim = "victim.person@gone.example";
const base64 = (text: string) => Buffer.from(text).toString("base64");
const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

let running: ConsoleEngine;
let kept: string;
let held: string;
beforeAll(async () => {
  running = await startConsoleEngine();
  const { engine } = running;
  const from = { from: victim };
  const author = { From: `A Victim <${victim}>` };
  kept = await running.send(mail("Unrelated", "Of x.victim.person@gone.example, who is somebody else."), [
    "support@example.com",
    "ann@example.com",
  ]);
  await running.send(mail("Ticket", "A ticket, please.", author), ["support@example.com"], from);
  await running.send(mail("Personal", "Hello Ann.", author), ["ann@example.com", "support@example.com"], from);
  await running.send(mail("Unsubscribe me", "unsubscribe", author), ["unsubscribe@example.com"], from);
  await running.send(mail("Large", `${"A line of text.\r\n".repeat(6_000)}`, author), ["ann@example.com"], from);
  await running.send(mail("Spam", gtube, author), ["support@example.com"], from);
  const hidden = { "MIME-Version": "1.0", "Content-Type": "text/plain", "Content-Transfer-Encoding": "base64" };
  held = await running.send(mail("Hidden", base64(`Ask Victim.Person@Gone.Example about it.`), hidden), [
    "ann@example.com",
  ]);
  await engine.store.engine.refuse({
    at: "2026-08-04T09:15:02.000Z",
    ip: "203.0.113.25",
    helo: "mx.sender.example",
    stage: "RCPT",
    from: victim,
    recipient: "old@example.com",
    reply: `550 5.1.1 no mailbox; ${victim} may not`,
    reason: "rejected",
  });
  await engine.ports.senders.allow({ address: victim, by: "test", at: "2026-08-04T09:15:02.000Z" });
  await running.ended();
  await engine.search.caughtUp();
  await writeFile(join(engine.data, "mailweir.sqlite3.schema-3.saved"), `an old copy with ${victim}`);
}, 120_000);
afterAll(() => running.close());

const post = (path: string, body: object) =>
  running.fetch(`/api${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${running.token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** Files of the running engine that hold the octets, as they are. */
async function filesWith(...needles: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(running.engine.data, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = (await readFile(path, "latin1")).toLowerCase();
    if (needles.some((needle) => text.includes(needle.toLowerCase())))
      found.push(path.slice(running.engine.data.length));
  }
  return found;
}

test("a dry run names the messages and deletes nothing", async () => {
  const answer = (await (await askToForget(running, { address: victim, dryRun: true })).json()) as {
    messages: string[];
  };
  expect(answer.messages).toHaveLength(6);
  expect(answer.messages).not.toContain(kept);
  expect(await filesWith(victim)).not.toEqual([]);
});

test.for(["address", "message"] as const)("a hold on the %s refuses with its reason", async (what) => {
  const subject = what === "address" ? "Victim.Person@gone.example" : held;
  await post("/holds", { subject, reason: "case 4711", by: "counsel" });
  const refused = await askToForget(running, { address: victim });
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({
    code: "ERR_FORGET_REFUSED",
    detail: expect.stringContaining("by counsel: case 4711"),
  });
  expect((await running.fetch(`/api/messages/${held}`)).status).toBe(200);
  expect(await (await post("/holds/release", { subject })).json()).toEqual({ released: true });
});

test("an address that the configuration names is refused", async () => {
  const refused = await askToForget(running, { address: "ann@example.com" });
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({ detail: expect.stringContaining("named by the configuration") });
});

test("no octet of the address is left in a file, and other mail is as it was", async () => {
  const { engine } = running;
  const needles = ["victim.person@gone", base64("Ask Victim.Person").slice(0, 20)];
  expect((await filesWith(...needles)).length).toBeGreaterThan(3);
  const answer = await askToForget(running, { address: victim });
  expect([answer.status, await answer.json()]).toMatchObject([200, { messages: 6 }]);

  // The mail that names somebody else with a longer address stays, so the needle is what only the forgotten one has.
  const left = await filesWith(...needles);
  const others = await filesWith("x.victim.person@gone.example");
  expect(left.filter((name) => !others.includes(name))).toEqual([]);
  for (const name of left) {
    const text = await readFile(join(engine.data, name), "latin1");
    expect(text.match(/(?<!x\.)victim\.person@gone/gi)).toBeNull();
  }
  const page = await engine.search.find("", { limit: 100 });
  expect(page.messages.map(({ sesMessageId }) => sesMessageId)).toEqual([kept]);
  const { tickets } = await engine.ports.tickets.list({ limit: 10 });
  expect(tickets.map(({ subject }) => subject)).toEqual(["Unrelated"]);
  expect(await engine.ports.quarantine.list({ limit: 10 })).toEqual([]);
  expect((await engine.store.engine.status()).messages).toBe(1);
});

test("the keyed hash stays and keeps mail away", async () => {
  const check = await running.fetch(`/api/suppressions/check?address=${encodeURIComponent(victim)}`);
  const standing = (await check.json()) as { suppressed: boolean; all: readonly { address?: string }[] };
  expect(standing.suppressed).toBe(true);
  expect(standing.all.every(({ address }) => address === undefined)).toBe(true);
});

test("forgetting again finds nothing and is no error", async () => {
  const answer = await askToForget(running, { address: victim });
  expect([answer.status, await answer.json()]).toMatchObject([200, { messages: 0, rows: 0 }]);
});

test("what was under way with a forgotten message leaves no row behind", async () => {
  const id = parseSesMessageId(held);
  if (!id) throw new Error("no id");
  await running.engine.ports.ledger.putMeta({
    sesMessageId: id,
    receivedAt: "2026-08-04T09:15:02.000Z",
    from: victim,
    recipients: ["ann@example.com"],
    verdicts: { spf: "PASS", dkim: "PASS", dmarc: "PASS", spam: "PASS", virus: "PASS" },
  });
  expect(await running.engine.ports.ledger.meta(id)).toBeUndefined();
});
