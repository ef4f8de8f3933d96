import { expect, test } from "vitest";
import { accountPlaceholder, configModule } from "../../infra/config-module.ts";
import { resourceNames, stagePrefix } from "../../shared/config/names.ts";
import { resolveConfig } from "../../shared/config/resolve-config.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";

const accountId = "123456789012";

/** Runs the text as the bundle does, where its imports are the same modules. */
function run(text: string, raw: unknown): ResolvedConfig {
  const body = text
    .replaceAll(/^import .*$/gm, "")
    .replaceAll(/^export /gm, "")
    .replaceAll('await import("#mail-config")', "{ default: raw }");
  const make = new Function("raw", "resourceNames", "stagePrefix", `${body}\nreturn configFor;`);
  return make(raw, resourceNames, stagePrefix)(accountId);
}

/** Functions of names are compared by what they answer. */
function comparable({ names, ...config }: ResolvedConfig) {
  const { streamQueue, functionArn, ...plain } = names;
  const streams = config.streams.map((stream) => ({
    ...stream,
    worker: typeof stream.worker === "function" ? "a function" : stream.worker,
  }));
  return { ...config, streams, names: { ...plain, queue: streamQueue("ticket"), arn: functionArn("gate") } };
}

const worker = async () => ({ outcome: "logged" });
const match = ({ recipient }: { recipient: string }) => recipient.startsWith("log");
const configs: readonly [string, unknown][] = [
  ["the least", { domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } }],
  [
    "functions, patterns and what JSON has no word for",
    {
      domains: ["example.com"],
      encrypt: true,
      rejects: [{ recipients: ["old@example.com"], template: "mailbox-does-not-exist" }],
      streams: {
        log: { worker, match },
        odd: { worker, match: { recipient: /^odd-\d+[/"'`]/iu, nature: ["human", "list"] } },
        ticket: { recipients: ["support@example.com"] },
        personal: { recipients: ["example.com"] },
      },
      retention: { default: { days: "forever" }, streams: { log: { days: 3 } } },
      aws: { stages: { prod: { bucket: "mails-of-ours", workerConcurrency: 3 } } },
    },
  ],
  [
    "own rules that name the account",
    {
      domains: ["example.com"],
      streams: { personal: { recipients: ["example.com"] } },
      ruleSet: {
        name: "own",
        rules: [
          {
            name: "first",
            enabled: true,
            scanEnabled: true,
            tlsPolicy: "Optional",
            recipients: ["example.com"],
            actions: [{ type: "SNS", topicArn: "arn:aws:sns:us-east-1:000000000000:mine", encoding: "UTF-8" }],
          },
        ],
      },
    },
  ],
];

test.for(configs)("a bundle's configuration is what checking it at the start would give: %s", ([, raw]) => {
  for (const stage of ["prod", "dev"]) {
    const text = configModule(resolveConfig(raw, { stage, accountId: accountPlaceholder }), raw, stage);
    const expected = resolveConfig(raw, { stage, accountId });
    expect(comparable(run(text, raw))).toEqual(comparable(expected));
    expect(text.includes('"#mail-config"')).toBe(text.includes("own("));
  }
});

test("functions are the file's own; what only a worker needs is loaded by it", async () => {
  const [, raw] = configs[1] ?? [];
  const text = configModule(resolveConfig(raw, { stage: "prod", accountId: accountPlaceholder }), raw, "prod");
  const { streams } = run(text, raw);
  const log = streams.find(({ name }) => name === "log");
  expect(log).toMatchObject({ match });
  if (typeof log?.worker !== "function") throw new Error("no worker");
  expect(await log.worker({} as never, {} as never)).toEqual({ outcome: "logged" });
  const onlyWorker = { ...(raw as object), streams: { log: { worker, recipients: ["example.com"] } }, retention: {} };
  const lazy = configModule(resolveConfig(onlyWorker, { accountId: accountPlaceholder }), onlyWorker, "prod");
  expect(lazy).not.toMatch(/^import .*mail-config/m);
  // What was a function when this was built, and is none on Lambda, must not quietly match nothing.
  expect(() => run(text, { streams: {} })).toThrow("streams.log");
});

test("what cannot be written down is refused with its place", () => {
  const config = resolveConfig(configs[0]?.[1], { stage: "prod", accountId: accountPlaceholder });
  const withValue = (value: unknown) => ({ ...config, tickets: { ...config.tickets, odd: value } });
  for (const value of [new Date(0), new Map(), () => 1, 1n, Symbol("a")]) {
    expect(() => configModule(withValue(value), {}, "prod")).toThrow("tickets.odd");
  }
});
