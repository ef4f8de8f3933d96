import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { MailUse, Measured, Service, StreamUse } from "../../infra/cost/measured.ts";
import { encryptForSes } from "../../shared/encryption/encrypt-for-ses.ts";
import { storedObjectOf } from "../../shared/streams/stored-object.ts";
import type { Events, TestMail } from "../functions/pipeline.ts";
import { secret } from "../functions/webhook-receiver.ts";
import { type AwsPipeline, openAwsPipeline } from "./aws-pipeline.ts";
import type { Call } from "./aws-proxy.ts";
import { pythonProgram } from "./moto.ts";

const program = pythonProgram("moto_server");
const missing = program === undefined ? " (skipped: moto_server is not here, see .ci/python-packages)" : "";
const file = join(import.meta.dirname, "../../infra/cost/measured.json");
/** `MAILWEIR_MEASURE=1 npx vitest run --config vitest.slow.config.ts test/slow/cost-measurement.test.ts` writes it again. */
const writes = process.env["MAILWEIR_MEASURE"] === "1";

const support = "support@example.com";
const report = (type: string, part: string): Partial<TestMail> => ({
  from: "",
  headers: {
    From: "Mail Delivery System <mailer-daemon@relay.example>",
    Subject: "Undelivered Mail Returned to Sender",
    "MIME-Version": "1.0",
    "Content-Type": `multipart/report; report-type=${type}; boundary="b"`,
  },
  body:
    `--b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n--b\r\nContent-Type: message/${type}\r\n\r\n${part}` +
    "--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: news@example.com\r\nTo: ann@sender.example\r\nSubject: This week\r\n\r\nText\r\n--b--\r\n",
});

let people = 0;
/** Nobody writes twice: what ten have in common would be fought for. */
const somebody = (): { readonly from: string; readonly headers: { readonly From: string } } => {
  const from = `person${people++}@sender.example`;
  return { from, headers: { From: from } };
};

/** A usual mail of each stream. */
const mails: Readonly<Record<string, () => TestMail>> = {
  personal: () => ({ ...somebody(), to: ["ann@example.com"] }),
  ticket: () => ({ ...somebody(), to: [support] }),
  unsubscribe: () => {
    const { from, headers } = somebody();
    return { from, to: ["unsubscribe@example.com"], headers: { ...headers, Subject: "unsubscribe" } };
  },
  bounce: () => ({
    ...report(
      "delivery-status",
      `Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; person${people++}@sender.example\r\nAction: failed\r\nStatus: 5.1.1\r\n` +
        "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n",
    ),
    to: [support],
  }),
  complaint: () => ({
    ...report(
      "feedback-report",
      "Feedback-Type: abuse\r\nUser-Agent: fbl/1\r\nVersion: 1\r\nOriginal-Mail-From: <news@example.com>\r\n",
    ),
    from: "fbl@provider.example",
    to: [support],
  }),
  "auto-reply": () => ({ to: [support], from: "", headers: { "Auto-Submitted": "auto-replied" } }),
  list: () => ({
    to: ["unsubscribe@example.com"],
    headers: { "List-Id": "<news.lists.example>", Precedence: "list" },
  }),
  quarantine: () => ({ to: [support], verdicts: { virus: "FAIL" } }),
  webhook: () => ({ ...somebody(), to: ["hook@example.com"] }),
};

describe.skipIf(program === undefined)(`what a mail costs, counted at moto's door${missing}`, () => {
  let aws: AwsPipeline;
  let receiver: Server;
  const requests = new Map<Service | "ses", number>();
  let logBytes = 0;
  const metrics = new Set<string>();
  const uses = new Map<string, StreamUse>();

  beforeAll(async () => {
    process.env["TEST_LOG"] = "INFO";
    // The bundles write metrics where Lambda's name is set, as there.
    process.env["AWS_LAMBDA_FUNCTION_NAME"] = "mailweir-test";
    receiver = createServer((request, response) => {
      request.resume().once("end", () => response.writeHead(204).end());
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const webhook = { url, secretFrom: { secretsManager: "hook" }, allowPrivate: ["127.0.0.1"] };
    aws = await openAwsPipeline(program ?? "", {
      streams: { webhook: { recipients: ["hook@example.com"], webhook } },
      secrets: { hook: secret },
    });
    const seen = aws.proxy.onAnswer;
    aws.proxy.onAnswer = (call, answer) => {
      seen(call, answer);
      const service = serviceOf(call);
      if (service) requests.set(service, (requests.get(service) ?? 0) + 1);
    };
    vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
      for (const line of String(chunk).split("\n").filter(Boolean)) {
        logBytes += Buffer.byteLength(line) + 1;
        for (const name of metricsIn(line)) metrics.add(name);
      }
      return true;
    });
    // What is loaded, read or written once for many mails is no part of any.
    for (const mail of Object.values(mails)) await endAll([await aws.arrive(mail())]);
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    delete process.env["TEST_LOG"];
    delete process.env["AWS_LAMBDA_FUNCTION_NAME"];
    await aws?.close();
    receiver?.closeAllConnections();
    receiver?.close();
  });
  beforeEach(() => aws.purge());

  /** Everything that happens to mails, all of a batch together. */
  async function endAll(events: readonly Events[]): Promise<void> {
    const { names } = aws.config;
    for (const { lambda } of events) await aws.call("journal", lambda);
    for (const { notice } of events) await aws.send(names.noticeQueue, notice);
    expect(await aws.drain()).toBe(0);
    // The bucket's own events, a quarter of an hour later: the sweep looks whether something is missing.
    for (const { object } of events) await aws.send(names.objectQueue, object);
    expect(await aws.drain()).toBe(0);
  }

  async function measure(make: () => TestMail, count: number): Promise<MailUse> {
    const events: Events[] = [];
    for (let made = 0; made < count; made++) events.push(await aws.arrive(make()));
    aws.units.reset();
    requests.clear();
    logBytes = 0;
    const [stored, called] = [aws.units.storedBytes(), aws.calls.length];
    await endAll(events);
    const each = (value: number) => Math.round((value / count) * 100) / 100;
    const invocations: Record<string, number> = {};
    for (const { functionName } of aws.calls.slice(called))
      invocations[functionName] = (invocations[functionName] ?? 0) + 1;
    const of = (service: Service | "ses") => each(requests.get(service) ?? 0);
    return {
      invocations: Object.fromEntries(Object.entries(invocations).map(([name, times]) => [name, each(times)])),
      writeUnits: {
        ledger: each(aws.units.byTable.get(aws.tables.ledger) ?? 0),
        store: each(aws.units.byTable.get(aws.tables.store) ?? 0),
      },
      readUnits: each(aws.units.reads()),
      requests: {
        dynamodb: of("dynamodb"),
        sqs: of("sqs"),
        sns: of("sns"),
        "s3-read": of("s3-read"),
        "s3-write": of("s3-write"),
        kms: of("kms"),
      },
      sends: of("ses"),
      logBytes: Math.round(logBytes / count),
      tableBytes: Math.round((aws.units.storedBytes() - stored) / count),
    };
  }

  /** SES's own encryption, made at moto, past the proxy. */
  async function decryptsOf(make: () => TestMail): Promise<number> {
    const events = await aws.arrive(make());
    const { body, metadata } = await encryptForSes(
      events.stored,
      { keyArn: aws.keyArn, ruleName: "store", account: aws.config.accountId, sesMessageId: events.id },
      aws.ports.keys,
      (length) => new Uint8Array(randomBytes(length)),
    );
    await aws.ports.objects.put(storedObjectOf(aws.config, events.id), body, metadata);
    requests.clear();
    await endAll([events]);
    return requests.get("kms") ?? 0;
  }

  test.for(Object.entries(mails))("%s", async ([stream, make]) => {
    const probe = await aws.arrive(make());
    await endAll([probe]);
    const [state] = Object.values(await aws.states(probe.id));
    expect(state?.split(" ")[0]).toBe(stream);
    const single = await measure(make, 1);
    await aws.purge();
    const full = await measure(make, 10);
    await aws.purge();
    const use: StreamUse = { single, full, decrypts: await decryptsOf(make) };
    uses.set(stream, use);
    // design.md §5: 8 write units of the ledger from notice to done, the note of the effect (2, in a transaction) apart.
    expect(single.writeUnits.ledger).toBeLessThanOrEqual(10);
    if (writes) return;
    const known = (JSON.parse(await readFile(file, "utf8")) as Measured).streams[stream];
    const { logBytes: logged = 0, tableBytes = 0, ...counts } = known?.single ?? {};
    expect(single).toMatchObject(counts);
    const { logBytes: loggedFull = 0, tableBytes: _, ...fullCounts } = known?.full ?? {};
    expect(full).toMatchObject(fullCounts);
    expect(use.decrypts).toBe(known?.decrypts);
    // Ids and times have no fixed length.
    expect(Math.abs(single.logBytes / logged - 1)).toBeLessThan(0.1);
    expect(Math.abs(full.logBytes / loggedFull - 1)).toBeLessThan(0.1);
    expect(Math.abs(single.tableBytes / tableBytes - 1)).toBeLessThan(0.1);
  });

  // The last one: it tells of all of the above.
  test("the file of measurements tells of these streams and metrics", async () => {
    if (writes) {
      const cpuMs = Object.fromEntries(
        [...Map.groupBy(aws.calls, ({ functionName }) => functionName)].sort().map(([name, calls]) => {
          const warm = calls.filter(({ isFirst }) => !isFirst).map(({ cpuMs }) => cpuMs);
          warm.sort((a, b) => a - b);
          return [
            name,
            {
              warm: Math.round(warm[Math.floor(warm.length / 2)] ?? 0),
              first: Math.round(calls.find(({ isFirst }) => isFirst)?.cpuMs ?? 0),
            },
          ];
        }),
      );
      const whole: Measured = { streams: Object.fromEntries(uses), cpuMs, metrics: [...metrics].sort() };
      await writeFile(file, `${JSON.stringify(whole, null, 2)}\n`);
    }
    expect(existsSync(file)).toBe(true);
    const known = JSON.parse(await readFile(file, "utf8")) as Measured;
    expect(Object.keys(known.streams).sort()).toEqual([...uses.keys()].sort());
    expect(known.metrics).toEqual([...metrics].sort());
  });
});

function serviceOf({ service, operation }: Call): Service | "ses" | undefined {
  switch (service) {
    case "s3":
      return operation === "GET" || operation === "HEAD" ? "s3-read" : "s3-write";
    case "dynamodb":
    case "sqs":
    case "sns":
    case "kms":
    case "ses":
      return service;
    // Read once in minutes, for all mails of them.
    case "secretsmanager":
      return undefined;
    default:
      throw new Error(`nobody counts ${service} ${operation}`);
  }
}

/** Names and dimensions of the metrics in a line of the embedded metric format. */
function metricsIn(line: string): readonly string[] {
  if (!line.includes('"_aws"')) return [];
  const { _aws } = JSON.parse(line) as {
    _aws: { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string }[] }[] };
  };
  return _aws.CloudWatchMetrics.flatMap(({ Dimensions, Metrics }) =>
    Metrics.map(({ Name }) => `${Name} by ${Dimensions.flat().join(", ")}`),
  );
}
