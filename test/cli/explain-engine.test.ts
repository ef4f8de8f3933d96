import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SetActiveReceiptRuleSetCommand, VerifyDomainIdentityCommand } from "@aws-sdk/client-ses";
import { expect, test } from "vitest";
import { type Explanation, explain } from "../../cli/explain-mail.ts";
import { actionOutcomes } from "../../local/actions/action-outcomes.ts";
import type { Engine } from "../../local/engine.ts";
import { submit } from "../../local/smtp/submit.ts";
import type { MailConfig } from "../../shared/config/types.ts";
import type { ReceiptAction, ReceiptRule } from "../../shared/receipt/model.ts";
import { formatReply } from "../../shared/receipt/replies.ts";
import { traceRules } from "../../shared/receipt/trace.ts";
import { activateRuleSet, functionModule, runEngine, temporaryFolder } from "../local/ses-api/running-engine.ts";
import { fc } from "../property.ts";
import { arbitraryRecipients, arbitraryRuleSet, exampleConditions } from "../shared/receipt/arbitrary-rule-set.ts";
import { configFile } from "./config-file.ts";
import { callCli } from "./run-cli.ts";

// What explain says in advance, and what the engine then does with the same mail under the same rules.

// Split, so that no scanner takes this file for the thing itself.
const gtube = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"].join("");
const topicArn = "arn:aws:sns:us-east-1:000000000000:mailweir-notices";
const fn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const zone = {
  "sender.example": { TXT: ["v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all"] },
  "_dmarc.sender.example": { TXT: ["v=DMARC1; p=reject"] },
};

const actions: readonly ReceiptAction[] = [
  { type: "S3", bucketName: "mailweir-mail", objectKeyPrefix: "inbound/", topicArn },
  { type: "S3", bucketName: "mailweir-mail", objectKeyPrefix: "kept" },
  { type: "SNS", topicArn, encoding: "Base64" },
  { type: "Lambda", functionArn: fn("mailweir-journal"), invocationType: "Event" },
  { type: "Lambda", functionArn: fn("own"), invocationType: "RequestResponse" },
  { type: "AddHeader", headerName: "X-Seen", headerValue: "yes" },
  {
    type: "Bounce",
    smtpReplyCode: "550",
    statusCode: "5.1.1",
    message: "No such mailbox",
    sender: "mailer-daemon@example.com",
  },
  { type: "WorkMail", organizationArn: "arn:aws:workmail:us-east-1:111122223333:organization/m-0123456789abcdef" },
];

/** The gate reads what it judges from the place where the configured rules store it: so that goes before it. */
const storeAndGate: ReceiptRule = {
  name: "first",
  enabled: true,
  tlsPolicy: "Optional",
  scanEnabled: true,
  recipients: [],
  actions: [
    { type: "S3", bucketName: "mailweir-mail", objectKeyPrefix: "inbound/", topicArn },
    { type: "Lambda", functionArn: fn("mailweir-gate"), invocationType: "RequestResponse" },
  ],
};
const ruleSets = fc
  .tuple(arbitraryRuleSet({ conditions: exampleConditions, actions }), fc.boolean())
  .map(([set, gated]) => (gated ? { ...set, rules: [storeAndGate, ...set.rules] } : set));

const headers = "From: Lee <lee@sender.example>\r\nTo: ann@example.com\r\nSubject: door\r\n";
const messages = {
  plain: `${headers}\r\nThe door is broken.\r\n`,
  spam: `${headers}\r\n${gtube}\r\n`,
  list: `${headers}List-Id: <news.sender.example>\r\nPrecedence: list\r\n\r\nNews.\r\n`,
  vacation: `${headers}Auto-Submitted: auto-replied\r\n\r\nI am away.\r\n`,
  large: `${headers}\r\n${"0123456789abcdef".repeat(4).concat("\r\n").repeat(2600)}`,
} as const;

const mail = fc.record({
  to: arbitraryRecipients,
  from: fc.constantFrom("lee@sender.example", "", "lee@other.example"),
  ip: fc.constantFrom("192.0.2.1", "192.0.2.1", "2001:db8::1", "198.51.100.7", "203.0.113.25", "203.0.113.26"),
  tls: fc.boolean(),
  message: fc.constantFrom(...(Object.keys(messages) as (keyof typeof messages)[])),
});

// The sweep of what only the bucket tells of logs each look that comes before the journal's.
process.env["POWERTOOLS_LOG_LEVEL"] = "SILENT";

test("the set that the engine of the data folder has active is asked, running or not; --configured asks the file's", async () => {
  const { engine, client, folder } = await runEngine({
    domains: ["example.com"],
    streams: { personal: { recipients: ["example.com"] } },
  });
  const config = await configFile(
    '{ domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } }',
    folder,
  );
  const ask = async (...more: string[]) => {
    const args = ["--to", "bob@example.com", "--to", "x@api.example", "--config", config, "--data", engine.data];
    const { exit, stdout } = await callCli(["explain", ...args, "--json", ...more]);
    expect(exit).toBe(0);
    const found = JSON.parse(stdout) as Explanation;
    return [found.ruleSet, ...found.recipients.map(({ accepted }) => accepted)];
  };
  expect(await ask()).toEqual([{ name: "mailweir", from: "configuration" }, true, false]);

  await client.send(new VerifyDomainIdentityCommand({ Domain: "api.example" }));
  const rule = { name: "ann", enabled: true, tlsPolicy: "Optional", scanEnabled: true, actions: [] } as const;
  await activateRuleSet(client, { name: "api", rules: [{ ...rule, recipients: ["ann@example.com", "api.example"] }] });
  expect(await ask()).toEqual([{ name: "api", from: "engine" }, false, true]);
  expect(await ask("--configured")).toEqual([{ name: "mailweir", from: "configuration" }, true, false]);

  await client.send(new SetActiveReceiptRuleSetCommand({}));
  await engine.stop();
  expect(await ask()).toEqual([{ name: null, from: "engine" }, false, false]);
  const { stdout } = await callCli(["explain", "--to", "bob@example.com", "--config", config, "--data", engine.data]);
  expect(stdout).toMatch(/^No rule set is active, not the configured one/);
});

test("explain predicts what the engine does: replies, rules, actions, verdicts, streams", async () => {
  const folder = await temporaryFolder();
  let ahead = 0;
  const clock = { now: () => new Date(Date.now() + ahead), ticking: true };
  const config: MailConfig = {
    domains: ["example.com"],
    streams: {
      ticket: { recipients: ["help@example.com"] },
      unsubscribe: { recipients: ["bob@example.com"] },
      personal: { recipients: ["example.com", ".example.com"] },
    },
    gate: { spam: "bounce", dmarcReject: "drop" },
    ipFilters: [{ block: "203.0.113.0/24" }, { allow: "203.0.113.25" }],
    local: { functions: { own: await functionModule(folder, "own", null) } },
  };
  const { engine, client } = await runEngine(config, folder, { clock, zone });
  const file = join(folder, "mailweir.config.ts");
  const local = { ...config.local, dns: { zone: join(folder, "zone.json") } };
  await writeFile(file, `export default ${JSON.stringify({ ...config, local })};\n`);
  const eml = join(folder, "mail.eml");
  let copies = 0;

  await fc.assert(
    fc.asyncProperty(ruleSets, fc.array(mail, { minLength: 1, maxLength: 3 }), async (ruleSet, mails) => {
      await activateRuleSet(client, ruleSet);
      for (const { to, from, ip, tls, message } of mails) {
        // No two are transport duplicates of each other.
        copies += 1;
        const raw = `Message-ID: <${copies}@sender.example>\r\n${messages[message]}`;
        await writeFile(eml, raw);
        const question = { to, from, ip, helo: "mx.sender.example", tls, config: file, data: engine.data };
        const predicted = await explain({ ...question, message: eml });
        expect(predicted.ruleSet).toEqual({ name: "any", from: "engine" });

        const { recipients, sesMessageId } = await submit(engine.reception, {
          client: { ip, helo: "mx.sender.example", ...(tls && { tls: { protocol: "TLSv1.3", cipher: "x" } }) },
          from,
          to,
          raw: once(raw),
        });
        expect(predicted.recipients.map(({ recipient, reply }) => `${recipient} ${reply}`)).toEqual(
          recipients.map(({ recipient, reply }) => `${recipient} ${formatReply(reply)}`),
        );
        if (sesMessageId === undefined) {
          expect(predicted).toMatchObject({ rules: [], streams: null });
          continue;
        }
        const ended = await untilEnded(engine, sesMessageId, () => {
          ahead += 16 * 60_000;
        });
        expect(course(predicted)).toEqual(await courseOf(engine, sesMessageId));
        expect(predicted.verdicts).toEqual((await engine.store.engine.verification(sesMessageId))?.verdicts);
        expect(
          predicted.streams?.map(
            ({ recipient, stream, outcome }) => `${key(recipient)} ${stream} ${stream ? "" : outcome}`,
          ),
        ).toEqual(
          ended.map(({ recipient, stream, outcome }) => `${key(recipient)} ${stream} ${stream ? "" : outcome}`),
        );
      }
    }),
    { numRuns: Number(process.env["MAILWEIR_RUNS"] ?? 60), endOnFailure: true },
  );
}, 300_000);

const key = (recipient: string) => recipient.toLowerCase().replaceAll('"', "");

const course = ({ rules }: Explanation) =>
  rules.map(
    ({ rule, fate, recipients, actions: done }) =>
      `${rule} ${fate} [${recipients.join(" ")}] ${done.map((action) => action.fate.replace("will-run", "done")).join(" ")}`,
  );

async function courseOf(engine: Engine, id: Parameters<Engine["store"]["engine"]["message"]>[0]): Promise<string[]> {
  const message = await engine.store.engine.message(id);
  const ruleSet = message && (await engine.store.engine.ruleSetSnapshot(message.ruleSetSnapshot));
  if (!message || !ruleSet) throw new Error("the engine does not know its own message");
  const outcomes = actionOutcomes(await engine.store.engine.actionLog(id));
  const rules = traceRules({
    ruleSet,
    recipients: message.recipients,
    tls: message.client.tls !== undefined,
    outcomes,
  });
  return course({ rules } as unknown as Explanation);
}

/** Waits until every recipient has ended; while that needs the sweep that comes 15 minutes later, calls `later`. */
async function untilEnded(engine: Engine, id: string, later: () => void) {
  for (let rounds = 0; rounds < 500; rounds += 1) {
    await engine.settled();
    const listed = (await engine.store.engine.list({ limit: 5 })).find(({ sesMessageId }) => sesMessageId === id);
    const recipients = listed?.recipients ?? [];
    if (recipients.length > 0 && recipients.every(({ state }) => ["done", "quarantined", "failed"].includes(state))) {
      return recipients;
    }
    if (rounds % 20 === 19) {
      later();
      await engine.store.database.write((tx) => tx.wake());
    }
    await sleep(5);
  }
  throw new Error("its recipients do not end");
}

async function* once(raw: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(raw);
}
