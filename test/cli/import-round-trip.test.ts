import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import {
  CreateReceiptFilterCommand,
  DeleteReceiptFilterCommand,
  VerifyDomainIdentityCommand,
  VerifyEmailIdentityCommand,
} from "@aws-sdk/client-ses";
import { beforeEach, expect, test, vi } from "vitest";
import { importAccount } from "../../cli/import-account.ts";
import { type Engine, startEngine } from "../../local/engine.ts";
import { submit } from "../../local/smtp/submit.ts";
import { loadConfig } from "../../shared/config/load-config.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { acceptRecipient } from "../../shared/receipt/accept-recipient.ts";
import { decideClient } from "../../shared/receipt/ip-filter.ts";
import type { IpFilter, ReceiptAction } from "../../shared/receipt/model.ts";
import { formatReply } from "../../shared/receipt/replies.ts";
import { traceRules } from "../../shared/receipt/trace.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import {
  actionsOf,
  activateRuleSet,
  clientFor,
  functionModule,
  runEngine,
  temporaryFolder,
} from "../local/ses-api/running-engine.ts";
import { fc } from "../property.ts";
import { arbitraryRecipients, arbitraryRuleSet, exampleConditions } from "../shared/receipt/arbitrary-rule-set.ts";

process.env["POWERTOOLS_LOG_LEVEL"] = "SILENT";

beforeEach(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
});

const topicArn = "arn:aws:sns:us-east-1:000000000000:mailweir-notices";
const own = "arn:aws:lambda:us-east-1:111122223333:function:own";
const orders = "arn:aws:sns:us-east-1:111122223333:orders";
const kmsKeyArn = "arn:aws:kms:us-east-1:000000000000:key/6d61696c-7765-4972-8000-000000000001";
const actions: readonly ReceiptAction[] = [
  { type: "S3", bucketName: "mailweir-mail", objectKeyPrefix: "a/" },
  { type: "S3", bucketName: "mailweir-mail", objectKeyPrefix: "b", kmsKeyArn, topicArn },
  { type: "S3", bucketName: "shop-inbound", objectKeyPrefix: "/c", topicArn: orders },
  { type: "SNS", topicArn: orders, encoding: "Base64" },
  { type: "SNS", topicArn, encoding: "UTF-8" },
  { type: "Lambda", functionArn: own, invocationType: "RequestResponse" },
  { type: "Lambda", functionArn: own, invocationType: "Event", topicArn },
  { type: "AddHeader", headerName: "X-Note", headerValue: 'a "quoted" <value>, and ünïcode' },
  {
    type: "Bounce",
    smtpReplyCode: "450",
    statusCode: "4.0.0",
    message: "Temporary failure",
    sender: "mailer-daemon@example.com",
  },
  { type: "WorkMail", organizationArn: "arn:aws:workmail:us-east-1:111122223333:organization/m-0123456789abcdef" },
  {
    type: "Connect",
    instanceArn: "arn:aws:connect:us-east-1:111122223333:instance/x",
    iamRoleArn: "arn:aws:iam::111122223333:role/r",
  },
];
const filters = fc.uniqueArray(
  fc.record({
    policy: fc.constantFrom("Allow" as const, "Block" as const),
    cidr: fc.constantFrom("192.0.2.0/24", "192.0.2.7", "198.51.100.0/25", "2001:db8::/32", "10.0.0.1/24", "0.0.0.0/0"),
  }),
  { maxLength: 3, selector: ({ cidr }) => cidr },
);
const ips = ["192.0.2.1", "192.0.2.7", "198.51.100.7", "203.0.113.9", "2001:db8::9"] as const;
const envelope = fc.record({
  to: arbitraryRecipients,
  ip: fc.constantFrom(...ips),
  tls: fc.boolean(),
  from: fc.constantFrom("lee@sender.example", ""),
});

/** Everything that the rules say to one envelope, in words. */
function trace(
  { ruleSet, domains, ipFilters }: Pick<ResolvedConfig, "ruleSet" | "domains" | "ipFilters">,
  { to, ip, tls }: { readonly to: readonly string[]; readonly ip: string; readonly tls: boolean },
) {
  const { refused } = decideClient(ipFilters, ip);
  const answers = to.map((recipient) =>
    acceptRecipient({ ruleSet, verifiedDomains: domains, recipient, client: { tls } }),
  );
  const recipients = to.filter((_, index) => answers[index]?.accept);
  return {
    refused,
    answers: answers.map((answer) => (answer.accept ? answer.rules : formatReply(answer.reply))),
    rules: traceRules({ ruleSet, recipients, tls, outcomes: [] }, { predict: true }),
  };
}

async function* once(raw: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(raw);
}

/** What is to be seen of one mail afterwards: the replies, what each action did, what lies in bucket and outbox. */
async function course(
  engine: Engine,
  {
    to,
    ip,
    tls,
    from,
  }: { readonly to: readonly string[]; readonly ip: string; readonly tls: boolean; readonly from: string },
) {
  const { sesMessageId: id, recipients } = await submit(engine.reception, {
    client: { ip, helo: "mx.sender.example", ...(tls && { tls: { protocol: "TLSv1.3", cipher: "x" } }) },
    from,
    to,
    raw: once("From: Lee <lee@sender.example>\r\nTo: ann@example.com\r\nSubject: door\r\n\r\nOpen.\r\n"),
  });
  const replies = recipients.map(({ recipient, reply }) => `${recipient} ${formatReply(reply)}`);
  if (id === undefined) return { replies };
  const done = await actionsOf(engine, id);
  const objects: string[] = [];
  for (const [bucket, prefix] of [
    ["mailweir-mail", "a/"],
    ["mailweir-mail", "b/"],
    ["shop-inbound", "/c/"],
  ] as const) {
    const head = await engine.ports.objects.head({ bucket, key: `${prefix}${id}` });
    if (head) objects.push(`${bucket} ${prefix} ${JSON.stringify(Object.keys(head.metadata ?? {}).sort())}`);
  }
  const verification = await engine.store.engine.verification(id);
  return { replies, done, objects, verdicts: verification?.verdicts, bounces: await bounces(engine, id) };
}

/** The kinds and texts of what was sent because of the message. */
async function bounces(engine: Engine, id: SesMessageId): Promise<string[]> {
  const sent = await engine.store.ports.outbox.about(id);
  return Promise.all(
    sent.map(async ({ kind, number }) => {
      const raw = await text(Readable.from(engine.store.ports.outbox.open(number) ?? []));
      return `${kind} ${/^(?:Final-Recipient|Diagnostic-Code): .*$/gm.exec(raw)?.[0]}`;
    }),
  );
}

test("what an engine was told through its API, imported from there, makes another engine that does the same", async () => {
  const folder = await temporaryFolder();
  const a = await runEngine(
    {
      domains: ["example.com"],
      streams: { personal: { recipients: ["example.com"] } },
      local: {
        functions: { own: await functionModule(folder, "own", null) },
        buckets: { "shop-inbound": {} },
        topics: { orders: { functions: ["own"] } },
      },
    },
    folder,
  );
  const client = clientFor(a.engine.http);
  await client.send(new VerifyDomainIdentityCommand({ Domain: "API.example" }));
  await client.send(new VerifyEmailIdentityCommand({ EmailAddress: "me@alone.example" }));
  let round = 0;

  await fc.assert(
    fc.asyncProperty(
      arbitraryRuleSet({ conditions: [...exampleConditions, "x@api.example", "unverified.example"], actions }, "main"),
      filters,
      fc.array(envelope, { minLength: 30, maxLength: 30 }),
      async (ruleSet, ipFilters, envelopes) => {
        round += 1;
        await activateRuleSet(client, ruleSet);
        for (const [index, { policy, cidr }] of ipFilters.entries()) {
          const Filter = { Name: `f${index}`, IpFilter: { Policy: policy, Cidr: cidr } };
          await client.send(new CreateReceiptFilterCommand({ Filter }));
        }
        const out = join(folder, `imported-${round}`, "mailweir.config.ts");
        const imported = await importAccount({ endpointUrl: a.engine.http, region: "us-east-1", out });
        expect(imported.gaps.filter(({ code }) => code.endsWith("not-expressed"))).toEqual([]);
        const config = await loadConfig(out);

        const given = {
          ruleSet,
          domains: ["api.example", "example.com"],
          ipFilters: ipFilters.map((filter, index): IpFilter => ({ name: `f${index}`, ...filter })),
        };
        for (const each of envelopes) expect(trace(config, each)).toEqual(trace(given, each));

        const here = process.cwd();
        // Modules of functions are named relative to the folder in which the engine is started.
        vi.spyOn(process, "cwd").mockReturnValue(join(out, ".."));
        const b = await startEngine({
          config: (await import(out)).default,
          smtp: "127.0.0.1:0",
          http: "127.0.0.1:0",
          data: join(out, "../data"),
          stderr: "none",
        });
        try {
          for (const each of envelopes.slice(0, 4)) {
            expect(await course(b, each)).toEqual(await course(a.engine, each));
          }
        } finally {
          await b.stop();
          vi.mocked(process.cwd).mockRestore();
          expect(process.cwd()).toBe(here);
          for (const [index] of ipFilters.entries()) {
            await client.send(new DeleteReceiptFilterCommand({ FilterName: `f${index}` }));
          }
          await rm(join(out, "../data"), { recursive: true, force: true });
        }
      },
    ),
    { numRuns: Number(process.env["MAILWEIR_RUNS"] ?? 12), endOnFailure: true },
  );
}, 300_000);
