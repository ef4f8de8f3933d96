import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { createTransport, type NodemailerError } from "nodemailer";
import { createResolver } from "../local/authenticate/create-resolver.ts";
import { DnsError, isNegative } from "../local/authenticate/dns-error.ts";
import { findEngine } from "../local/store/lock.ts";
import { loadConfig } from "../shared/config/load-config.ts";
import { parseListen } from "../shared/config/resolve-config.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";
import { MailweirError } from "../shared/errors.ts";
import type { Ports } from "../shared/ports.ts";
import { parseSesMessageId, type SesMessageId } from "../shared/ses-message-id.ts";
import { storedObjectOf } from "../shared/streams/stored-object.ts";
import { dataFolderOf, NoDataError, openForReading } from "./data-folder.ts";

export interface CanaryOptions {
  readonly config: string;
  readonly data?: string;
  readonly stage?: string;
  readonly endpointUrl?: string;
  /** Default: an address of a stream that only records automatic mail. */
  readonly to?: string;
  /** `host:port` instead of what the MX record says. */
  readonly smtp?: string;
  readonly timeoutSeconds: number;
}

/** Where the canary got to, in the order of the path. */
export const canarySteps = ["mx", "accepted", "journaled", "stored", "decided", "routed", "ended"] as const;
export type CanaryStep = (typeof canarySteps)[number];

export interface Reached {
  readonly step: CanaryStep;
  readonly ok: boolean;
  readonly says: string;
  /** Where it did not get on: what to look at. */
  readonly fix?: string;
}

export class CanaryError extends MailweirError {
  readonly code = "ERR_CANARY";
  readonly retryable = false;
}

/** What is looked at on the way; the ledger is the engine's or the stage's. */
interface Watched {
  readonly config: ResolvedConfig;
  readonly ledger: Pick<Ports["ledger"], "meta" | "recipients">;
  readonly objects: Pick<Ports["objects"], "head">;
  readonly server: { readonly host: string; readonly port: number; readonly from: string };
  /** Where to look, in commands of this place. */
  readonly where: string;
  close(): Promise<void> | void;
}

/**
 * Mails a canary to an address of ours, the way that everybody's mail comes, and follows it to its end. It says that a
 * machine wrote it, so that it opens no ticket and unsubscribes nobody: such mail is recorded.
 *
 * @param tell - called for each step that was reached, or not
 * @returns whether it ended
 * @throws {CanaryError} when nothing could be sent, {NoDataError}
 */
export async function sendCanary(options: CanaryOptions, tell: (reached: Reached) => void): Promise<boolean> {
  const watched =
    options.stage === undefined ? await onThisMachine(options) : await onStage(options, options.stage, tell);
  if (!watched) return false;
  const { config, ledger, objects, where } = watched;
  try {
    const recipient = options.to ?? recipientIn(config);
    tell({
      step: "mx",
      ok: true,
      says: `${recipient.slice(recipient.lastIndexOf("@") + 1)} is received by ${watched.server.host}:${watched.server.port} (${watched.server.from})`,
    });
    const accepted = await send(watched.server, recipient);
    tell(accepted.told);
    if (accepted.id === undefined) return false;
    const id = accepted.id;

    const deadline = Date.now() + options.timeoutSeconds * 1_000;
    const until = async <Value>(question: () => Promise<Value | undefined>): Promise<Value | undefined> => {
      for (;;) {
        const value = await question();
        if (value !== undefined || Date.now() > deadline) return value;
        await sleep(500);
      }
    };
    const failed = (step: CanaryStep, says: string, fix: string) => {
      tell({ step, ok: false, says, fix });
      return false;
    };

    const meta = await until(() => ledger.meta(id));
    if (!meta) {
      return failed(
        "journaled",
        "The ledger does not know it: SES called no journal",
        `Is the stage's rule set the active one? ${where}; look at the log of the function journal and its dead letters`,
      );
    }
    tell({
      step: "journaled",
      ok: true,
      says: `envelope and verdicts are in the ledger (spam ${meta.verdicts.spam}, SPF ${meta.verdicts.spf})`,
    });
    const place = storedObjectOf(config, id);
    const head = await until(() => objects.head(place));
    if (!head)
      return failed(
        "stored",
        `There is no object ${place.bucket}/${place.key}`,
        `Look at the bucket's policy and the rule "store": ${where}`,
      );
    tell({ step: "stored", ok: true, says: `${place.bucket}/${place.key}, ${head.sizeBytes} octets` });

    const recordIn = async (states: readonly string[]) =>
      (await ledger.recipients(id)).find(({ state }) => states.includes(state));
    const decided = await until(() => recordIn(["decided", "routed", "working", "done", "quarantined", "failed"]));
    if (!decided)
      return failed(
        "decided",
        "Nobody decided where it goes: the notice was not read",
        `Look at the queue of notices and the log of route-notification: ${where}`,
      );
    tell({
      step: "decided",
      ok: true,
      says: `${decided.stream ?? decided.outcome ?? "nowhere"}, for it is ${decided.nature.kind}`,
    });
    const routed = await until(() => recordIn(["routed", "working", "done", "quarantined", "failed"]));
    if (!routed)
      return failed(
        "routed",
        `It was not sent to the queue of ${decided.stream}`,
        `Look at the log of route-notification: ${where}`,
      );
    tell({ step: "routed", ok: true, says: `sent to the queue of ${routed.stream ?? "nobody"}` });
    const ended = await until(() => recordIn(["done", "quarantined", "failed"]));
    if (!ended)
      return failed(
        "ended",
        `Its worker has not ended it (${routed.state}${routed.cause === undefined ? "" : `: ${routed.cause}`})`,
        `Look at the queue of ${routed.stream} and its dead letters: ${where}`,
      );
    if (ended.state === "failed")
      return failed("ended", `Its worker gave up: ${ended.cause ?? "no cause is noted"}`, where);
    tell({ step: "ended", ok: true, says: `${ended.state}: ${ended.outcome ?? ""}` });
    return true;
  } finally {
    await watched.close();
  }
}

/** An address whose stream does nothing but record what a machine wrote. */
function recipientIn({ streams }: ResolvedConfig): string {
  const harmless = streams.filter(({ worker }) => worker === "ticket" || worker === "unsubscribe");
  const address = harmless.flatMap(({ recipients }) => recipients).find((recipient) => /^[^@]+@[^@]+$/.test(recipient));
  if (address !== undefined) return address;
  throw new CanaryError(
    "No stream of tickets or unsubscribing has an address of its own: say with --to whom the canary is for (it is delivered there)",
  );
}

async function send(
  { host, port }: Watched["server"],
  recipient: string,
): Promise<{ readonly told: Reached; readonly id?: SesMessageId }> {
  const name = hostname().includes(".") ? hostname() : "canary.invalid";
  const transport = createTransport({
    host,
    port,
    name,
    connectionTimeout: 20_000,
    tls: { rejectUnauthorized: false },
  });
  const id = randomUUID();
  try {
    const { response } = await transport.sendMail({
      // A domain that publishes nothing: neither passes nor fails. Not ours, whose DMARC policy this machine would break.
      envelope: { from: "canary@canary.invalid", to: [recipient] },
      from: "Mailweir canary <canary@canary.invalid>",
      to: recipient,
      subject: "Mailweir canary",
      messageId: `<${id}@canary.invalid>`,
      headers: { "Auto-Submitted": "auto-generated", "X-Mailweir-Canary": id },
      text: "Sent by mailweir check --send, to see how far mail gets. Nobody needs to read it.",
    });
    const sesMessageId = parseSesMessageId(/^250 OK ([0-9a-z]{20,64})/i.exec(response)?.[1] ?? "");
    if (sesMessageId === undefined) {
      const fix = "This server is not SES, nor this engine: compare it with mailweir dns, or name another with --smtp";
      return { told: { step: "accepted", ok: false, says: `${host} took it and named no SES id: ${response}`, fix } };
    }
    return { told: { step: "accepted", ok: true, says: response }, id: sesMessageId };
  } catch (error) {
    const failure = error as NodemailerError;
    const refused = failure.response !== undefined;
    return {
      told: {
        step: "accepted",
        ok: false,
        says: refused
          ? `${host} refused it: ${failure.response}`
          : `${host}:${port} cannot be reached: ${failure.message}`,
        fix: refused
          ? "5xx: no active rule takes the address, or an IP filter blocks this machine (mailweir check --from-aws); 4xx: try again later"
          : "Port 25 is closed from many offices and clouds: run this from a machine where it is open, or name a server with --smtp host:port",
      },
    };
  } finally {
    transport.close();
  }
}

async function onThisMachine(options: CanaryOptions): Promise<Watched> {
  const folder = await dataFolderOf(options);
  const engine = await findEngine(folder);
  const named = serverNamed(options.smtp);
  const address = named ?? (engine && parseListen(engine.smtp));
  if (!address)
    throw new NoDataError(`No engine runs on ${folder}: start one (npm start), or name a stage with --stage`);
  const config = await loadConfig(options.config);
  const store = await openForReading({ ...options, data: folder });
  return {
    config,
    ledger: store.ports.ledger,
    objects: store.ports.objects,
    server: { ...address, from: named ? "--smtp" : `the engine on ${folder}` },
    where: "mailweir status",
    close: () => store.close(),
  };
}

async function onStage(
  options: CanaryOptions,
  name: string,
  tell: (reached: Reached) => void,
): Promise<Watched | undefined> {
  const { openStage } = await import("./stage/open-stage.ts");
  const { endpointUrl } = options;
  const stage = await openStage({
    stage: name,
    config: options.config,
    ...(endpointUrl !== undefined && { endpointUrl }),
  });
  const named = serverNamed(options.smtp);
  const watched = {
    config: stage.config,
    ledger: stage.ports.ledger,
    objects: stage.ports.objects,
    where: `mailweir status --stage ${name}`,
    close: () => stage.close(),
  };
  if (named) return { ...watched, server: { ...named, from: "--smtp" } };
  const recipient = options.to ?? recipientIn(stage.config);
  const domain = recipient.slice(recipient.lastIndexOf("@") + 1);
  const mx = await exchangesOf(stage.config, domain);
  if (typeof mx === "string" || mx.length === 0) {
    const says =
      typeof mx === "string" ? `DNS does not tell the MX record of ${domain}: ${mx}` : `${domain} has no MX record`;
    tell({ step: "mx", ok: false, says, fix: `mailweir dns --stage ${name}` });
    stage.close();
    return undefined;
  }
  return { ...watched, server: { host: mx[0] ?? domain, port: 25, from: "its MX record" } };
}

/** The best first; or why nobody knows. */
async function exchangesOf({ local }: ResolvedConfig, domain: string): Promise<readonly string[] | string> {
  try {
    const records = await createResolver(local.dns, { now: () => new Date() })(domain, "MX");
    return records
      .flatMap((record) => (typeof record === "object" && "exchange" in record ? [record] : []))
      .sort((a, b) => a.priority - b.priority)
      .map(({ exchange }) => exchange);
  } catch (error) {
    if (isNegative(error)) return [];
    if (error instanceof DnsError) return error.message;
    throw error;
  }
}

function serverNamed(smtp: string | undefined) {
  if (smtp === undefined) return undefined;
  const address = parseListen(smtp);
  if (address) return address;
  throw new CanaryError(`"${smtp}" is no address: give host:port, for example 127.0.0.1:2525`);
}
