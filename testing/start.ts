import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Journey } from "../local/console/journey.ts";
import { readJourney } from "../local/console/read-journey.ts";
import { type Engine, type EngineOptions, startEngine } from "../local/engine.ts";
import { composeAs } from "../local/play/compose-as.ts";
import { submit } from "../local/smtp/submit.ts";
import { toCrlf } from "../local/smtp/to-crlf.ts";
import { deriveTopology } from "../shared/config/topology.ts";
import type { MailConfig, ResolvedConfig } from "../shared/config/types.ts";
import { headerValue, parseHeaderSection } from "../shared/mail/headers.ts";
import { parseMailboxes } from "../shared/mail/mailboxes.ts";
import type { Webhooks } from "../shared/ports.ts";
import { formatReply } from "../shared/receipt/replies.ts";
import { watchActivity } from "./activity.ts";
import { createFaults, type Faults } from "./faults.ts";
import { type InjectedMail, idOf, MailRefusedError, type MailToInject, resultsOf } from "./injected-mail.ts";
import { createTestClock, type Duration, toMs } from "./test-clock.ts";
import { TestKitError } from "./test-kit-error.ts";
import { type Awaited, createFinders, nothingHappened } from "./waiting.ts";

export interface MailweirOptions {
  /** The configuration as an object: its functions run in this process, so a test may look into them. */
  readonly config?: MailConfig;
  /** Or as a file: everything runs in worker threads, as with `mailweir start`. */
  readonly configFile?: string;
  /** What the engine's clock shows at first. Default `2026-01-01T12:00:00Z`. */
  readonly now?: Date | string;
  /** `standing` (the default): time passes by `advance` only. `ticking`: as for everybody else. */
  readonly clock?: "standing" | "ticking";
  /** What DNS says, to mail that is injected with `authentication: "check"` or comes over SMTP: see docs/testing.md. */
  readonly dns?: Readonly<Record<string, unknown>>;
  /** What webhooks and ticket sinks are answered. Default: 200 and nothing. */
  readonly answerWebhook?: (
    call: WebhookCall,
  ) =>
    | { readonly status: number; readonly body?: string }
    | Promise<{ readonly status: number; readonly body?: string }>;
  /** Where the test's folder is made. Default: the system's temporary folder. */
  readonly folder?: string;
  /** What of the engine's log goes to stderr. Default `none`. */
  readonly log?: "all" | "problems" | "none";
}

/** A whole engine of a test's own: real SMTP, real rules, real storage; a clock that obeys, and nothing that leaves. */
export interface Mailweir extends AsyncDisposable {
  /** `host:port` of SMTP, for whatever sends mail in your program. */
  readonly smtp: string;
  /** `http://host:port` of console and API. */
  readonly http: string;
  /** The data folder. */
  readonly data: string;
  /** For the HTTP API, as `Authorization: Bearer …`. */
  readonly token: string;
  readonly faults: Faults;
  /** What the engine's clock shows. */
  now(): Date;
  /** Calls of webhooks and ticket sinks, in their order; nothing leaves the test. */
  readonly webhooks: readonly WebhookCall[];
  /** Puts a mail in, as if it came over SMTP. @throws {MailRefusedError} when nobody is left who gets it */
  inject(mail: MailToInject): Promise<InjectedMail>;
  /**
   * Waits until it is there. With a mail in `match` it fails as soon as everything has run, else after `timeoutMs` of real
   * time (default 30 000), and tells what happened instead.
   *
   * @throws {NothingHappenedError}
   */
  waitFor<Kind extends keyof Awaited>(
    what: Kind,
    match?: Awaited[Kind]["match"],
    options?: { readonly timeoutMs?: number },
  ): Promise<Awaited[Kind]["found"]>;
  /** What became of a mail and why: the console's page of it. */
  journey(mail: InjectedMail): Promise<Journey>;
  /** Resolves when everything that is due by the engine's clock has run. */
  settled(): Promise<void>;
  /** Moves the clock; whatever becomes due on the way runs at its time. */
  advance(time: Duration): Promise<void>;
  /** As at the start: no mail, no tickets, no faults, the first time. Addresses and signing keys stay. */
  reset(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface WebhookCall {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const client = { ip: "203.0.113.25", helo: "mx.sender.example" } as const;
const settleMs = 60_000;

/**
 * The kit, with the engine inside for the project's own tests.
 *
 * @param world - `configured`: mail is sent, DNS asked and webhooks are called as the configuration says
 */
export async function startKit(
  options: MailweirOptions,
  world: "closed" | "configured" = "closed",
): Promise<{ readonly mailweir: Mailweir; readonly engine: () => Engine }> {
  const { config, configFile } = options;
  if ((config === undefined) === (configFile === undefined)) {
    throw new TestKitError(
      "Give startMailweir either a config or a configFile, for example { config: { domains: […] } }",
    );
  }
  const start = new Date(options.now ?? "2026-01-01T12:00:00Z");
  if (Number.isNaN(start.getTime()))
    throw new TestKitError(`now: "${options.now}" is no time: write 2026-01-01T12:00:00Z`);
  const folder = await mkdtemp(join(resolve(options.folder ?? tmpdir()), "mailweir-test-"));
  const data = join(folder, "data");
  const zone = join(folder, "zone.json");
  await writeFile(zone, JSON.stringify(options.dns ?? {}));
  await quietHandlers(options.log ?? "none");

  const clock = createTestClock(start, options.clock === "ticking");
  const webhooks: WebhookCall[] = [];
  const called = async (call: WebhookCall) => {
    webhooks.push(call);
    return { status: 200, body: "", ...(await options.answerWebhook?.(call)) };
  };
  const recorder: Webhooks = {
    async post({ url, headers, body }) {
      const { status } = await called({ method: "POST", url, headers, body });
      return { status };
    },
    async request({ method, url, headers, body = "" }) {
      const answer = await called({ method, url, headers, body: Buffer.from(body).toString() });
      return { status: answer.status, body: Buffer.from(answer.body) };
    },
  };
  const { faults, hooks } = createFaults(
    () => running.config.names.noticeQueue,
    () => functionsOf(running.config),
    () => clock.set(new Date(clock.now().getTime() + 1_001)),
  );
  const activity = watchActivity(hooks);
  const open = (listen: Pick<EngineOptions, "smtp" | "http">) =>
    startEngine({
      ...(config && { config }),
      ...(configFile !== undefined && { configPath: configFile }),
      ...listen,
      ...{ data, clock },
      stderr: options.log ?? "none",
      hooks: {
        ...activity.hooks,
        ...(world === "closed" && { dns: { kind: "zone", file: zone }, keepsOutgoing: true, webhooks: recorder }),
      },
    });
  let running = await open({ smtp: "127.0.0.1:0", http: "127.0.0.1:0" }).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const engine = () => running;
  const finders = createFinders(engine);
  // Closing a folder twice is nobody's wish, and a test's teardown may run while another stop is under way.
  let stopping: Promise<void> | undefined;

  /**
   * False when something was still to be done after `untilMs`. What one function leaves to the next is a row that is due until
   * it is taken, and taking it is activity: a round without either is the end.
   */
  const settle = async (untilMs: number): Promise<boolean> => {
    const deadline = performance.now() + untilMs;
    for (;;) {
      const before = activity.count();
      running.wake();
      const left = Math.max(0, deadline - performance.now());
      const idle = await Promise.race([running.settled().then(() => true), sleep(left, false, { ref: false })]);
      await sleep(1);
      const { unended } = await running.store.engine.status();
      const due = await running.nextDue();
      const nothingDue = unended === 0 && (due === undefined || due > clock.now());
      if (idle && nothingDue && activity.count() === before) return true;
      if (performance.now() >= deadline) return false;
    }
  };

  const mailweir: Mailweir = {
    faults,
    webhooks,
    data,
    get smtp() {
      return running.smtp;
    },
    get http() {
      return running.http;
    },
    get token() {
      return running.token;
    },
    now: () => clock.now(),

    async inject(mail) {
      const { raw, from } = await bytesOf(mail, clock.now(), running);
      const { headers } = parseHeaderSection(raw);
      const to = mail.recipients ?? [...[mail.to ?? []].flat(), ...(mail.raw === undefined ? (mail.cc ?? []) : [])];
      if (to.length === 0)
        throw new TestKitError('inject: name who gets it, for example { to: "support@example.com" }');
      const results = resultsOf(mail.authentication);
      const { sesMessageId, reply, recipients } = await submit(running.reception, {
        client: {
          ip: mail.ip ?? client.ip,
          helo: mail.helo ?? client.helo,
          ...(mail.tls && { tls: { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" } }),
          injected: { by: "test", ...(Object.keys(results).length > 0 && { results }) },
        },
        from: mail.envelopeFrom ?? from,
        to,
        raw: toCrlf([raw]),
      });
      const refused = recipients
        .map((entry) => ({ recipient: entry.recipient, reply: formatReply(entry.reply) }))
        .filter((entry) => !entry.reply.startsWith("250"));
      if (sesMessageId === undefined) {
        const log = await running.store.engine.refusals({ limit: Math.max(1, refused.length) });
        throw new MailRefusedError(formatReply(reply), refused, [...new Set(log.map(({ reason }) => reason))]);
      }
      const messageId = headerValue(headers, "message-id")?.trim();
      return { sesMessageId, refused, ...(messageId !== undefined && { messageId }) };
    },

    async waitFor(what, match = {}, { timeoutMs = 30_000 } = {}) {
      const began = performance.now();
      const find = finders[what] as (wanted: typeof match) => ReturnType<(typeof finders)[typeof what]>;
      const left = () => timeoutMs - (performance.now() - began);
      for (;;) {
        const before = await find(match);
        if (before !== undefined) return before;
        const idle = await settle(Math.max(0, left()));
        const found = await find(match);
        if (found !== undefined) return found;
        // Of a mail that is in nothing more comes; other mail may still be on its way here.
        const over = idle && match.mail !== undefined;
        if (over || left() <= 0) throw await nothingHappened(running, what, match, timeoutMs, over);
        await sleep(10);
      }
    },

    async journey(mail) {
      const journey = await readJourney(running.store, idOf(mail));
      if (journey) return journey;
      throw new TestKitError(`There is no message ${mail.sesMessageId}: was the engine reset since it was injected?`);
    },

    async settled() {
      if (await settle(settleMs)) return;
      throw new TestKitError(`Not everything had run after ${settleMs / 1000} s: does a function of the test hang?`);
    },

    async advance(time) {
      const target = clock.now().getTime() + toMs(time);
      await mailweir.settled();
      for (;;) {
        const due = (await running.nextDue())?.getTime();
        if (due === undefined || due > target) break;
        clock.set(new Date(Math.max(due, clock.now().getTime())));
        await mailweir.settled();
      }
      clock.set(new Date(Math.max(target, clock.now().getTime())));
      await mailweir.settled();
    },

    async reset() {
      const listen = { smtp: running.smtp, http: new URL(running.http).host };
      await running.stop();
      faults.clear();
      webhooks.length = 0;
      clock.set(start);
      for (const name of await readdir(data)) {
        if (name !== "keys") await rm(join(data, name), { recursive: true, force: true });
      }
      running = await open(listen);
    },

    stop() {
      stopping ??= running.stop().finally(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
      return stopping;
    },
    [Symbol.asyncDispose]: () => mailweir.stop(),
  };
  return { mailweir, engine };
}

/** By the names that they are invoked by. */
function functionsOf(config: ResolvedConfig): readonly string[] {
  return [...deriveTopology(config).functions.map(({ name }) => name), ...Object.keys(config.local.functions)];
}

async function bytesOf(mail: MailToInject, now: Date, engine: Engine) {
  if (mail.raw !== undefined) {
    const raw = await buffer(toCrlf([Buffer.from(mail.raw)]));
    const authors = parseMailboxes(headerValue(parseHeaderSection(raw).headers, "from"));
    return { raw, from: authors[0]?.address ?? "" };
  }
  const parent = typeof mail.inReplyTo === "object" ? mail.inReplyTo.messageId : mail.inReplyTo;
  const { raw, author } = await composeAs(
    {
      from: mail.from ?? { name: "Ann Sender", address: "ann@sender.example" },
      to: [mail.to ?? []].flat(),
      ...(mail.cc && { cc: [...mail.cc] }),
      ...(mail.replyTo !== undefined && { replyTo: mail.replyTo }),
      subject: mail.subject ?? "Hello",
      text: mail.text ?? (mail.html === undefined ? "Hello.\n" : ""),
      ...(mail.html !== undefined && { html: mail.html }),
      ...(mail.messageId !== undefined && { messageId: mail.messageId }),
      ...(parent !== undefined && { inReplyTo: parent, references: [parent] }),
      ...(mail.headers && { headers: mail.headers }),
      ...(mail.attachments && {
        attachments: mail.attachments.map(({ fileName, contentType, content }) => ({
          fileName,
          ...(contentType !== undefined && { contentType }),
          base64: Buffer.from(content).toString("base64"),
        })),
      }),
    },
    { now, fresh: engine.ports.random.bytes(12) },
  );
  return { raw: Buffer.from(raw), from: author };
}

/** Handlers that run in this process would write a line a decision to a test's output. */
async function quietHandlers(log: "all" | "problems" | "none"): Promise<void> {
  const { logger } = await import("../functions/stack.ts");
  logger.setLogLevel(log === "all" ? "INFO" : log === "problems" ? "WARN" : "SILENT");
}
