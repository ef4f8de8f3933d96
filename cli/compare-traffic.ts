import type { ReadOnlyStore } from "../local/store/open-read-only.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";
import { normaliseAddress, parseMailAddress } from "../shared/mail/address.ts";
import { type Header, headerValue, headerValues } from "../shared/mail/headers.ts";
import { judge } from "../shared/mail/judge.ts";
import type { Verdicts } from "../shared/mail/judgement.ts";
import { parseMailboxes } from "../shared/mail/mailboxes.ts";
import { parseMail } from "../shared/mail/parse-mail.ts";
import { acceptRecipient, isVerifiedDomain } from "../shared/receipt/accept-recipient.ts";
import { decideClient } from "../shared/receipt/ip-filter.ts";
import type { RuleSet } from "../shared/receipt/model.ts";
import { createSesMessageId } from "../shared/ses-message-id.ts";
import { type MailSource, readWhole } from "./mail-sources.ts";
import { predictPath } from "./predict-path.ts";

/** How mail is treated: by which configuration, and by which rules. */
export interface Treatment {
  readonly config: ResolvedConfig;
  readonly ruleSet: RuleSet;
}

/** A mail that has come once. */
export interface RecordedMail {
  /** SES message id, or path of the file. */
  readonly id: string;
  readonly raw: Uint8Array;
  readonly from: string;
  readonly recipients: readonly string[];
  readonly tls: boolean;
  /** Absent for a file: nobody knows who handed it in. */
  readonly ip?: string;
  readonly verdicts: Verdicts;
  /** What became of each recipient when it came, if it is known. */
  readonly recorded?: ReadonlyMap<string, string>;
}

export interface TrafficDifference {
  readonly mail: string;
  readonly recipient: string;
  readonly before: string;
  readonly after: string;
}

export interface TrafficComparison {
  readonly mails: number;
  readonly recipients: number;
  readonly differences: readonly TrafficDifference[];
}

/**
 * Which mails would go elsewhere. Both sides are predicted by the functions that the engine runs; without a `before` the
 * prediction is compared with what really became of the mail.
 */
export async function compareTraffic(
  mails: AsyncIterable<RecordedMail>,
  before: Treatment | undefined,
  after: Treatment,
  onMail: (id: string) => void = () => {},
): Promise<TrafficComparison> {
  const differences: TrafficDifference[] = [];
  let count = 0;
  let recipients = 0;
  for await (const mail of mails) {
    onMail(mail.id);
    count++;
    const [was, is] = [before ? await courseOf(mail, before) : mail.recorded, await courseOf(mail, after)];
    for (const recipient of mail.recipients) {
      const [old, next] = [was?.get(normaliseAddress(recipient)), is.get(normaliseAddress(recipient)) ?? "nowhere"];
      recipients++;
      // Unfinished or forgotten: there is nothing to compare with.
      if (old === undefined || old === next) continue;
      differences.push({ mail: mail.id, recipient, before: old, after: next });
    }
  }
  return { mails: count, recipients, differences };
}

/** Where each recipient's mail goes, in a word or two. */
async function courseOf(mail: RecordedMail, { config, ruleSet }: Treatment): Promise<ReadonlyMap<string, string>> {
  const course = new Map<string, string>();
  const blocked = mail.ip !== undefined && decideClient(config.ipFilters, mail.ip).refused;
  const accepted = mail.recipients.filter((recipient) => {
    const decision = blocked
      ? undefined
      : acceptRecipient({ ruleSet, verifiedDomains: config.domains, recipient, client: { tls: mail.tls } });
    if (decision?.accept) return true;
    course.set(normaliseAddress(recipient), blocked ? "refused (IP filter)" : "refused");
    return false;
  });
  if (accepted.length === 0) return course;
  const parsed = await parseMail(mail.raw);
  const { streams } = await predictPath(config, ruleSet, {
    recipients: accepted,
    tls: mail.tls,
    storedBytes: () => mail.raw.length,
    judge: (verdicts) =>
      judge({
        headers: parsed.headers,
        headersTruncated: false,
        envelopeFrom: mail.from,
        recipients: accepted,
        verdicts,
        body: parsed,
      }),
    arrival: {
      sesMessageId: createSesMessageId(new Uint8Array(24)),
      receivedAt: new Date().toISOString(),
      from: mail.from,
      verdicts: mail.verdicts,
      headers: parsed.headers,
      mail: async () => parsed,
    },
  });
  for (const { recipient, stream, outcome } of streams) {
    course.set(normaliseAddress(recipient), stream ?? outcome ?? "nowhere");
  }
  return course;
}

/** The newest mails of a data folder, with what was found out about each when it came. */
export async function* recordedMails(store: ReadOnlyStore, limit: number): AsyncGenerator<RecordedMail> {
  let before: number | undefined;
  for (let left = limit; left > 0; ) {
    const page = await store.engine.list({ limit: Math.min(left, 100), ...(before !== undefined && { before }) });
    if (page.length === 0) return;
    for (const { sesMessageId } of page) {
      const message = await store.engine.message(sesMessageId);
      const verification = await store.engine.verification(sesMessageId);
      if (!message || !verification) continue;
      const chunks: Uint8Array[] = [];
      for await (const chunk of store.engine.openRaw(sesMessageId)) chunks.push(chunk);
      const records = await store.ports.ledger.recipients(sesMessageId);
      yield {
        id: sesMessageId,
        raw: Buffer.concat(chunks),
        from: message.from,
        recipients: message.recipients,
        tls: message.client.tls !== undefined,
        ip: message.client.ip,
        verdicts: verification.verdicts,
        recorded: new Map(
          records.map(({ recipient, stream, outcome }) => [
            normaliseAddress(recipient),
            stream ?? outcome ?? "nowhere",
          ]),
        ),
      };
    }
    left -= page.length;
    before = page.at(-1)?.sequence;
  }
}

const everythingPasses: Verdicts = { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "PASS", dmarc: "PASS" };

/**
 * Mail files as if each came again: to whom a delivering server noted, else to those that its headers name at our
 * domains. Every check is taken to pass, since what a file says about that is its writer's word.
 */
export async function* mailFiles(
  sources: AsyncIterable<MailSource>,
  domains: readonly string[],
): AsyncGenerator<RecordedMail> {
  for await (const source of sources) {
    const raw = await readWhole(source);
    const { headers } = await parseMail(raw);
    const recipients = addressees(headers, domains);
    if (recipients.length === 0) continue;
    yield {
      id: source.index === undefined ? source.path : `${source.path}#${source.index}`,
      raw,
      from: senderOf(headers),
      recipients,
      tls: true,
      verdicts: everythingPasses,
    };
  }
}

function addressees(headers: readonly Header[], domains: readonly string[]): readonly string[] {
  const ours = (address: string) => {
    const domain = parseMailAddress(address)?.domain;
    return domain !== undefined && isVerifiedDomain(domain, domains);
  };
  const noted = ["Delivered-To", "X-Original-To", "Envelope-To"].flatMap((name) => headerValues(headers, name));
  const named = ["To", "Cc"].flatMap((name) => headerValues(headers, name));
  for (const values of [noted, named]) {
    const found = values.flatMap((value) => parseMailboxes(value).map(({ address }) => address)).filter(ours);
    if (found.length > 0) return [...new Map(found.map((address) => [normaliseAddress(address), address])).values()];
  }
  return [];
}

function senderOf(headers: readonly Header[]): string {
  const path = headerValue(headers, "Return-Path");
  if (path !== undefined) return path.trim().replace(/^<(.*)>$/, "$1");
  return parseMailboxes(headerValue(headers, "From"))[0]?.address ?? "";
}
