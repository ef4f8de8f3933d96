import type { LocalLimits } from "../../shared/config/types.ts";
import { foldCase, formatMailAddress, parseEnvelopeSender } from "../../shared/mail/address.ts";
import type { Clock, Random } from "../../shared/ports.ts";
import { acceptRecipient } from "../../shared/receipt/accept-recipient.ts";
import { type ClientDecision, decideClient, type IpPrecedence } from "../../shared/receipt/ip-filter.ts";
import type { IpFilter, RuleSet } from "../../shared/receipt/model.ts";
import { acceptedReply, formatReply, replies, type SmtpReply } from "../../shared/receipt/replies.ts";
import { createSesMessageId, type SesMessageId } from "../../shared/ses-message-id.ts";
import type { Log } from "../log.ts";
import type { AcceptedMessage, EngineStore, RawInput, Refusal } from "../store/engine-store.ts";
import { createCapacity } from "./capacity.ts";
import { createGauge, type Gauge } from "./message-gauge.ts";
import { engineReplies } from "./reply-lines.ts";
import { createSpoolWriter } from "./spool.ts";

export interface ReceptionOptions {
  readonly store: Pick<EngineStore, "accept" | "refuse" | "snapshotRuleSet" | "countUnended">;
  /** What is in force now. Asked once per transaction: its recipients and its snapshot come from one rule set. */
  readonly receiving: () => Soon<Receiving>;
  readonly limits: Pick<LocalLimits, "messageBytes" | "unfinished" | "freeDiskBytes" | "recipients">;
  readonly clock: Clock;
  readonly random: Random;
  readonly spoolFolder: string;
  /** Free octets on the data folder's disk. */
  readonly freeDiskBytes: () => Promise<number>;
  /**
   * Name of the block list (file, DNS zone) that names a client; asked only when no IP filter decides. A list that cannot be
   * asked should answer `undefined`: a rejection is 451 to the sender.
   */
  readonly listedBy?: (ip: string) => Promise<string | undefined>;
  /** Which IP filter decides when several match. Default: any Allow wins. */
  readonly ipPrecedence?: IpPrecedence;
  /** Called after the durable commit, before the sender hears 250. */
  readonly onAccepted: (sesMessageId: SesMessageId) => void;
  readonly log: Pick<Log, "info" | "error">;
}

export interface Receiving {
  /** The active rule set; `undefined` when none is. */
  readonly ruleSet: RuleSet | undefined;
  readonly verifiedDomains: readonly string[];
  readonly ipFilters: readonly IpFilter[];
}

export interface Client extends Omit<AcceptedMessage["client"], "rdns"> {
  /** Used if it is there when the message is complete; nobody waits for it. */
  readonly rdns?: Promise<string | undefined>;
}

/** At once where nothing has to be waited for, as with almost every command. */
export type Soon<T> = T | Promise<T>;

export interface Reception {
  /** MAIL FROM. Answers a transaction, or why there is none. */
  begin(client: Client, from: string, declaredBytes?: number): Soon<Transaction | SmtpReply>;
  /** Writes a refusal that was decided elsewhere (connection limit, time-out) to the log. Never rejects. */
  refuse(client: Client, refusal: Omit<Refusal, "at" | "ip" | "helo" | "reply"> & { reply: SmtpReply }): Promise<void>;
  /** Resolves when no message is on its way into the store any more. */
  settled(): Promise<void>;
}

export interface Transaction {
  /** Accepted so far, in the order of RCPT TO. */
  readonly recipients: readonly string[];
  /** RCPT TO: 250, or why not. */
  addRecipient(path: string): Soon<SmtpReply>;
  /** The message is about to come, piece by piece. */
  open(given?: GivenReceipt): Arrival;
  /** The same for one that can be read. Reads all of it, also when it is refused, up to twice the size limit. */
  receive(octets: AsyncIterable<Uint8Array>, given?: GivenReceipt): Promise<Received>;
}

/** A message while it arrives: pieces, then `end` or `abort`. */
export interface Arrival {
  /** Message octets so far. */
  readonly sizeBytes: number;
  /** The sender went on far beyond the limit: whoever reads may stop, and `end` says what to answer. */
  readonly excessive: boolean;
  /**
   * Takes the next octets, dots unstuffed; they are copied. Never rejects: what goes wrong, `end` tells.
   *
   * @returns a promise when the next octets have to wait for it
   */
  write(octets: Uint8Array): Promise<void> | undefined;
  /** Resolves when the message is durable, or refused. */
  end(): Promise<Received>;
  /** The sender went away. */
  abort(cause: string): Promise<void>;
}

/** What a replay of mail from elsewhere keeps: the same mail is the same message, received when it was. */
export interface GivenReceipt {
  readonly sesMessageId: SesMessageId;
  readonly receivedAt: Date;
}

export type Received =
  /** Durable: say 250. */
  | { readonly kind: "accepted"; readonly sesMessageId: SesMessageId; readonly reply: SmtpReply }
  /** `hangUp`: the sender went on far beyond the limit; close the connection behind the reply. */
  | { readonly kind: "refused"; readonly reply: SmtpReply; readonly hangUp: boolean }
  /** The sender went away in the middle: nobody hears a reply, nothing was kept. */
  | { readonly kind: "gone" };

type Accept = (id: SesMessageId, receivedAt: Date, raw: RawInput, sizeBytes: number) => Soon<void>;

interface Reason {
  readonly reply: SmtpReply;
  readonly reason: string;
}

// ses-receiving.md §11: more Received fields than any honest path has are a loop (RFC 5321 §6.3).
const maxHops = 100;
// The reply names the fault to the sender; this, to the one who runs both, what helps.
const bareNewlineReason =
  "the message holds a CR or LF that is alone: the client must end its lines with CRLF (smtplib: sendmail() with a str, or send_message())";

// A stranger writes them into the log of refusals.
const maxNamedRecipients = 10;

/**
 * What happens between MAIL FROM and 250, without the protocol around it: the SMTP server and the in-process `submit`
 * both run this. A message is acknowledged only after its octets and envelope are durable together.
 */
export function createReception(options: ReceptionOptions): Reception {
  const { store, limits, clock, log } = options;
  const capacity = createCapacity(store, options.freeDiskBytes, limits, clock);
  let underWay = 0;
  const waiting: (() => void)[] = [];
  const snapshotOf = rememberSnapshot(store);

  // A client that stays for more mail is not looked up again, as long as the filters are the same.
  const filtered = new WeakMap<Client, { readonly filters: readonly IpFilter[]; readonly decision: ClientDecision }>();
  const decideByFilters = (client: Client, filters: readonly IpFilter[]): ClientDecision => {
    const known = filtered.get(client);
    if (known?.filters === filters) return known.decision;
    const policy = options.ipPrecedence ? { policy: options.ipPrecedence } : {};
    const decision = decideClient(filters, client.ip, policy);
    filtered.set(client, { filters, decision });
    return decision;
  };

  const refuse: Reception["refuse"] = async (client, { reply, ...refusal }) => {
    const said = formatReply(reply);
    // Which list or filter it was is the operator's to know.
    log.info("mail refused", { ip: client.ip, stage: refusal.stage, reply: said, reason: refusal.reason });
    try {
      await store.refuse({
        at: clock.now().toISOString(),
        ip: client.ip,
        helo: client.helo,
        ...refusal,
        reply: said,
      });
    } catch (error) {
      // The sender has its reply all the same; a full disk must not turn refusals into failures.
      log.error("refusal not recorded", { stage: refusal.stage, reply: said, error: text(error) });
    }
  };

  return {
    refuse,

    begin(client, from, declaredBytes = 0) {
      const no = async ({ reply, reason }: Reason) => {
        await refuse(client, { stage: "MAIL", from, reply, reason });
        return reply;
      };
      const sender = parseEnvelopeSender(from);
      if (!sender) return no({ reply: replies.badSenderSyntax, reason: "MAIL FROM holds no address" });
      if (sender.kind === "mailbox" && /[^\x00-\x7f]/.test(sender.address.localPart)) {
        return no({ reply: replies.nonAsciiLocalPart, reason: "a local part beyond ASCII needs SMTPUTF8" });
      }
      if (declaredBytes > limits.messageBytes) return no(tooLarge(declaredBytes, limits.messageBytes));
      return orElse(
        () =>
          whenThere(capacity.full(declaredBytes), (full): Soon<Transaction | SmtpReply> => {
            if (full) return no(full);
            return whenThere(options.receiving(), (receiving) => transaction(client, from, receiving));
          }),
        (error) => no(unable(error, "MAIL")),
      );
    },

    settled: () =>
      new Promise((resolve) => {
        if (underWay === 0) resolve();
        else waiting.push(resolve);
      }),
  };

  function transaction(client: Client, from: string, receiving: Receiving): Transaction {
    const recipients: string[] = [];
    const known = new Set<string>();
    let rdns: string | undefined;
    client.rdns?.then(
      (name) => {
        rdns = name;
      },
      () => undefined,
    );
    let decision: Soon<ClientDecision> | undefined;
    const decideOnClient = (): Soon<ClientDecision> => {
      const policy = options.ipPrecedence ? { policy: options.ipPrecedence } : {};
      const first = decideByFilters(client, receiving.ipFilters);
      if (first.by !== "none" || !options.listedBy) return first;
      return options
        .listedBy(client.ip)
        .then((listedBy) =>
          listedBy === undefined ? first : decideClient(receiving.ipFilters, client.ip, { ...policy, listedBy }),
        );
    };

    const judgeRecipient = (path: string, { refused, reason }: ClientDecision): Reason | undefined => {
      if (refused) return { reply: replies.clientBlocked, reason };
      const decided = acceptRecipient({
        ruleSet: receiving.ruleSet,
        verifiedDomains: receiving.verifiedDomains,
        recipient: path,
        client: { tls: client.tls !== undefined },
      });
      // Only these two: the rest would stand in the log of refusals.
      if (!decided.accept) return { reply: decided.reply, reason: decided.reason };
      const key = formatMailAddress(foldCase(decided.address));
      if (known.has(key)) return undefined;
      if (recipients.length >= limits.recipients) {
        return { reply: replies.tooManyRecipients, reason: `${limits.recipients} recipients are the limit` };
      }
      known.add(key);
      recipients.push(path);
      return undefined;
    };

    const refuseData = ({ reply, reason }: Reason) =>
      refuse(client, { stage: "DATA", from, ...namedRecipients(recipients), reply, reason });
    const accept: Accept = (sesMessageId, receivedAt, raw, sizeBytes) =>
      whenThere(snapshotOf(receiving.ruleSet), (ruleSetSnapshot) => {
        const { ip, helo, tls, injected } = client;
        return store.accept(
          {
            sesMessageId,
            receivedAt,
            client: {
              ip,
              helo,
              ...(rdns !== undefined && { rdns }),
              ...(tls && { tls }),
              ...(injected && { injected }),
            },
            from,
            recipients: [...recipients],
            ruleSetSnapshot,
            sizeBytes,
          },
          raw,
        );
      });

    return {
      recipients,
      addRecipient(path) {
        const judged = orElse(
          () => {
            decision ??= decideOnClient();
            return whenThere(decision, (known) => judgeRecipient(path, known));
          },
          (error) => unable(error, "RCPT"),
        );
        return whenThere(judged, (refusal) => {
          if (!refusal) return replies.ok;
          return refuse(client, { stage: "RCPT", from, recipient: path, ...refusal }).then(() => refusal.reply);
        });
      },
      open: (given) => arrival(given, accept, refuseData),
      async receive(octets, given) {
        const arriving = arrival(given, accept, refuseData);
        try {
          for await (const chunk of octets) {
            await arriving.write(chunk);
            if (arriving.excessive) break;
          }
        } catch (error) {
          await arriving.abort(text(error));
          return { kind: "gone" };
        }
        return arriving.end();
      },
    };
  }

  function arrival(
    given: GivenReceipt | undefined,
    accept: Accept,
    refuseData: (reason: Reason) => Promise<void>,
  ): Arrival {
    const sesMessageId = given?.sesMessageId ?? createSesMessageId(options.random.bytes(24));
    const spool = createSpoolWriter(options.spoolFolder, sesMessageId);
    const gauge = createGauge();
    let refusal: Reason | undefined;
    let writing: Promise<void> | undefined;
    underWay += 1;

    return {
      get sizeBytes() {
        return gauge.sizeBytes;
      },
      get excessive() {
        return refusal !== undefined && gauge.sizeBytes > 2 * limits.messageBytes;
      },
      write(octets) {
        gauge.measure(octets);
        if (refusal) return undefined;
        refusal = objection(gauge);
        const work = refusal ? spool.discard() : spool.write(octets);
        if (!work) return undefined;
        writing = work.catch((error: unknown) => {
          refusal ??= unable(error, "DATA");
        });
        return writing;
      },
      async end() {
        try {
          if (writing) await writing;
          gauge.end();
          refusal ??= objection(gauge);
          if (!refusal) {
            try {
              const finished = spool.finish();
              const raw = finished instanceof Promise ? await finished : finished;
              await accept(sesMessageId, given?.receivedAt ?? clock.now(), raw, gauge.sizeBytes);
              spool.release();
            } catch (error) {
              refusal = unable(error, "DATA");
            }
          }
          if (refusal) {
            await spool.discard();
            await refuseData(refusal);
            return { kind: "refused", reply: refusal.reply, hangUp: gauge.sizeBytes > 2 * limits.messageBytes };
          }
        } finally {
          leave();
        }
        capacity.took();
        try {
          options.onAccepted(sesMessageId);
        } catch (error) {
          // The message is kept: without its 250 the sender would send it again. The next start finds it unended.
          log.error("message accepted but not taken up", { sesMessageId, error: text(error) });
        }
        return { kind: "accepted", sesMessageId, reply: acceptedReply(sesMessageId) };
      },
      async abort(cause) {
        try {
          if (writing) await writing;
          await spool.discard();
          log.info("sender went away", { stage: "DATA", sizeBytes: gauge.sizeBytes, error: cause });
        } finally {
          leave();
        }
      },
    };
  }

  function leave(): void {
    underWay -= 1;
    if (underWay === 0) for (const resolve of waiting.splice(0)) resolve();
  }

  function objection({ sizeBytes, hops, bareNewline }: Gauge): Reason | undefined {
    if (sizeBytes > limits.messageBytes) return tooLarge(sizeBytes, limits.messageBytes);
    if (hops > maxHops) return { reply: replies.tooManyHops, reason: `more than ${maxHops} Received fields: a loop` };
    if (bareNewline) return { reply: engineReplies.bareNewline, reason: bareNewlineReason };
    return undefined;
  }

  /** What a failure of ours means to the sender: try again. The cause is for the operator. */
  function unable(error: unknown, stage: Refusal["stage"]): Reason {
    const code = codeOf(error);
    const full = code === "ENOSPC" || code === "EDQUOT" || code === "ERR_STORAGE_FULL";
    log.error("mail not taken", { stage, code, error: text(error) });
    return { reply: full ? replies.storageFull : replies.tryLater, reason: text(error) };
  }
}

/** Whose mail it would have been: the first of them, and how many more there were. */
export function namedRecipients(recipients: readonly string[]): Pick<Refusal, "recipients" | "moreRecipients"> {
  const more = recipients.length - maxNamedRecipients;
  return {
    ...(recipients.length > 0 && { recipients: recipients.slice(0, maxNamedRecipients) }),
    ...(more > 0 && { moreRecipients: more }),
  };
}

/** Rule sets are immutable: the one of the last transaction is most often the one of this. */
function rememberSnapshot(store: Pick<EngineStore, "snapshotRuleSet">) {
  let last: { readonly ruleSet: RuleSet | undefined; id: Soon<string> } | undefined;
  return (ruleSet: RuleSet | undefined): Soon<string> => {
    if (last && last.ruleSet === ruleSet) return last.id;
    const id = store.snapshotRuleSet(ruleSet);
    const entry: { readonly ruleSet: RuleSet | undefined; id: Soon<string> } = { ruleSet, id };
    last = entry;
    id.then(
      (known) => {
        entry.id = known;
      },
      () => {
        if (last === entry) last = undefined;
      },
    );
    return id;
  };
}

function whenThere<T, U>(value: Soon<T>, then: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(then) : then(value);
}

/** What throws and what rejects alike. */
function orElse<T, U>(attempt: () => Soon<T>, failed: (error: unknown) => Soon<U>): Soon<T | U> {
  try {
    const answer = attempt();
    return answer instanceof Promise ? answer.catch(failed) : answer;
  } catch (error) {
    return failed(error);
  }
}

function tooLarge(sizeBytes: number, limit: number): Reason {
  return { reply: replies.tooLarge, reason: `${sizeBytes} octets or more, the limit is ${limit}` };
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));

function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}
