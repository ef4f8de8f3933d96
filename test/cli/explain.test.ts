import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describe as describeForPeople } from "../../cli/describe-explanation.ts";
import { explain } from "../../cli/explain-mail.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-explain-"));
  const zone = {
    "sender.example": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
    "_dmarc.sender.example": { TXT: ["v=DMARC1; p=reject"] },
  };
  await writeFile(join(folder, "zone.json"), JSON.stringify(zone));
  const config = {
    domains: ["example.com"],
    streams: { ticket: { recipients: ["support@example.com"] }, personal: { recipients: ["ann@example.com"] } },
    ipFilters: [{ block: "203.0.113.0/24" }],
    local: { dns: { zone: join(folder, "zone.json") } },
  };
  await writeFile(join(folder, "mail.config.mjs"), `export default ${JSON.stringify(config)};`);
  await writeFile(
    join(folder, "mail.eml"),
    "From: Lee <lee@sender.example>\r\nTo: support@example.com\r\nSubject: door\r\nMessage-ID: <m@sender.example>\r\n\r\nIt is stuck.\r\n",
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const ask = (more: { to: readonly string[]; ip?: string; message?: string; from?: string }) =>
  explain({
    from: "lee@sender.example",
    ip: "192.0.2.1",
    helo: "mx.sender.example",
    tls: false,
    config: resolve(folder, "mail.config.mjs"),
    ...more,
    message: more.message === undefined ? undefined : join(folder, more.message),
  });

test("each recipient gets the reply that the engine would give, with the reason", async () => {
  const { recipients } = await ask({ to: ["support@example.com", "nobody@example.com", "x@elsewhere.example"] });
  expect(recipients.map(({ accepted, reply }) => [accepted, reply.slice(0, 9)])).toEqual([
    [true, "250 Ok"],
    [false, "550 5.1.1"],
    [false, "550 5.1.1"],
  ]);
});

test("a blocked client is refused at every recipient, and no rule is explained", async () => {
  const { client, recipients, rules } = await ask({ to: ["support@example.com"], ip: "203.0.113.9" });
  expect(client.refused).toBe(true);
  expect(recipients[0]?.reply).toMatch(/^550 5\.7\.1/);
  expect(rules).toEqual([]);
});

test("with a message: verdicts from the zone, what it is, and where each recipient's goes", async () => {
  const explanation = await ask({ to: ["support@example.com", "ann@example.com"], message: "mail.eml" });
  expect(explanation.verdicts).toMatchObject({ spf: "PASS", dmarc: "PASS" });
  expect(explanation.authentication).toMatchObject({ dmarc: { result: "pass" }, arc: { result: "none" } });
  expect(describeForPeople(explanation)).toMatch(
    / {2}DKIM: not signed\n {2}DMARC: pass for .*, policy reject\n {2}ARC: none\n/,
  );
  expect(explanation.judgement).toMatchObject({ nature: { kind: "human" }, trust: "aligned" });
  expect(explanation.streams?.map(({ stream }) => stream)).toEqual(["ticket", "personal"]);
  expect(describeForPeople(explanation)).toMatch(/support@example\.com → ticket/);
});

test("the same message from elsewhere fails DMARC with p=reject and is held", async () => {
  const { streams } = await ask({ to: ["support@example.com"], message: "mail.eml", ip: "198.51.100.7" });
  expect(streams).toMatchObject([{ stream: "quarantine" }]);
});
