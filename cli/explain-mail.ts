import { readFile } from "node:fs/promises";
import { authenticate } from "../local/authenticate/authenticate.ts";
import { createResolver } from "../local/authenticate/create-resolver.ts";
import { openBlockLists } from "../local/block-lists/block-lists.ts";
import { createScanner } from "../local/scan/create-scanner.ts";
import { toCrlf } from "../local/smtp/to-crlf.ts";
import { loadConfig } from "../shared/config/load-config.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";
import { MailweirError } from "../shared/errors.ts";
import { normaliseAddress } from "../shared/mail/address.ts";
import { judge } from "../shared/mail/judge.ts";
import type { Judgement, Verdicts } from "../shared/mail/judgement.ts";
import { parseMail } from "../shared/mail/parse-mail.ts";
import { acceptRecipient } from "../shared/receipt/accept-recipient.ts";
import { type Authentication, verdictsFrom } from "../shared/receipt/authentication.ts";
import { type PerformStep, wantsScan } from "../shared/receipt/evaluate.ts";
import { buildAddedHeaders, buildHeaderBlock } from "../shared/receipt/header-block.ts";
import { type ClientDecision, decideClient } from "../shared/receipt/ip-filter.ts";
import type { IpFilter } from "../shared/receipt/model.ts";
import { createReceiptSigner } from "../shared/receipt/receipt-signer.ts";
import { formatReply, replies } from "../shared/receipt/replies.ts";
import type { RuleTrace } from "../shared/receipt/trace.ts";
import { createSesMessageId } from "../shared/ses-message-id.ts";
import { type PredictedMail, type PredictedStream, predictPath } from "./predict-path.ts";
import { configuredRules, receivingRules } from "./receiving-rules.ts";

export interface ExplainQuestion {
  readonly to: readonly string[];
  /** `""` is the null sender. */
  readonly from: string;
  readonly ip: string;
  readonly helo: string;
  readonly tls: boolean;
  readonly config: string;
  /** Data folder of the engine whose active rules count. Default: the configuration's. */
  readonly data?: string;
  /** Go by the configuration's rules, whatever set is active in the data folder. Default false. */
  readonly configured?: boolean;
  /** Path of an .eml file. */
  readonly message: string | undefined;
  /** Ask name servers where the configuration has no zone file. Default false: nothing leaves the machine. */
  readonly dns?: boolean;
}

/** The stable shape of `explain --json`; null where nothing could be said. */
export interface Explanation {
  /** The set that was asked. `name` is null when none is active; `from: "engine"`: made and activated through the SES API. */
  readonly ruleSet: { readonly name: string | null; readonly from: "configuration" | "engine" };
  readonly client: { readonly refused: boolean; readonly reason: string };
  readonly recipients: readonly {
    readonly recipient: string;
    readonly accepted: boolean;
    readonly reply: string;
    readonly reason: string;
  }[];
  readonly rules: readonly RuleTrace[];
  /** What SPF, DKIM, DMARC and ARC found out; null without a message, and when no DNS was asked. */
  readonly authentication: Authentication | null;
  /** Null without a message. */
  readonly verdicts: Verdicts | null;
  readonly judgement: Judgement | null;
  /** Null when no recipient is accepted. */
  readonly streams: readonly PredictedStream[] | null;
  /** What the prediction takes for granted, a sentence each. */
  readonly assumptions: readonly string[];
}

/** The message cannot be read. */
export class ExplainInputError extends MailweirError {
  readonly code = "ERR_EXPLAIN_INPUT";
  readonly retryable = false;
}

/**
 * What the engine would do with a mail, found out by the same pure functions, without an engine.
 *
 * @throws {ConfigError} {ConfigFileError} {ExplainInputError} {ZoneFileError} {ForeignDatabaseError}
 */
export async function explain(question: ExplainQuestion): Promise<Explanation> {
  const config = await loadConfig(question.config);
  const receiving = question.configured
    ? configuredRules(config)
    : await receivingRules(config, question.data ?? config.local.data);
  const { ruleSet, verifiedDomains } = receiving;
  const raw = question.message === undefined ? undefined : await read(question.message);
  const client = await decideOnClient(receiving.ipFilters, question, config);
  const recipients = question.to.map((recipient) => {
    if (client.refused)
      return { recipient, accepted: false, reply: formatReply(replies.clientBlocked), reason: client.reason };
    const decision = acceptRecipient({
      ruleSet,
      verifiedDomains,
      recipient,
      client: { tls: question.tls },
    });
    return decision.accept
      ? { recipient, accepted: true, reply: formatReply(replies.ok), reason: `matches ${decision.rules.join(", ")}` }
      : { recipient, accepted: false, reply: formatReply(decision.reply), reason: decision.reason };
  });
  const heard = {
    ruleSet: { name: ruleSet?.name ?? null, from: receiving.from },
    client: { refused: client.refused, reason: client.reason },
    recipients,
  };
  const accepted = onceEach(recipients.filter((entry) => entry.accepted).map(({ recipient }) => recipient));
  if (!ruleSet || accepted.length === 0) {
    return {
      ...heard,
      rules: [],
      authentication: null,
      verdicts: null,
      judgement: null,
      streams: null,
      assumptions: [],
    };
  }

  const scan = wantsScan({ ruleSet, recipients: accepted, tls: question.tls });
  const found = raw ? await understand(raw, question, config, { accepted, scan }) : ordinaryMail(question.from);
  const path = await predictPath(config, ruleSet, {
    recipients: accepted,
    tls: question.tls,
    storedBytes: (step) => (raw ? raw.length + blockLength(question, config, accepted, found, step) : 0),
    judge: found.judge,
    arrival: {
      sesMessageId: createSesMessageId(new Uint8Array(24)),
      receivedAt: new Date().toISOString(),
      from: question.from,
      verdicts: found.verdicts,
      headers: found.headers,
      mail: found.mail,
    },
  });
  return {
    ...heard,
    rules: path.rules,
    authentication: found.authentication ?? null,
    verdicts: raw ? found.verdicts : null,
    judgement: raw ? found.judge(found.verdicts) : null,
    streams: path.streams,
    assumptions: [
      ...found.assumptions,
      ...path.assumedToContinue.map((functionArn) => `Function ${functionArn} answers CONTINUE.`),
    ],
  };
}

/** Its values do not matter here, only how long the block is; the name of the client's address is not known. */
function blockLength(
  { ip, helo, from }: ExplainQuestion,
  { region }: ResolvedConfig,
  accepted: readonly string[],
  { authentication = nothingFoundOut, verdicts }: Found,
  { scan, addedHeaders }: PerformStep,
): number {
  const block = buildHeaderBlock(
    {
      sesMessageId: createSesMessageId(new Uint8Array(24)),
      region,
      client: { ip, helo },
      envelopeFrom: from,
      recipient: accepted[0] ?? "",
      receivedAt: new Date(),
      authentication,
      scan: scan ? verdicts : undefined,
    },
    createReceiptSigner(new Uint8Array(16)),
  );
  return block.length + buildAddedHeaders(addedHeaders).length;
}

/** As at RCPT TO: the filters, then the lists. DNS lists are asked only where DNS may be. */
async function decideOnClient(
  filters: readonly IpFilter[],
  { ip, dns = false }: ExplainQuestion,
  { local }: ResolvedConfig,
): Promise<ClientDecision> {
  const policy = local.ses.ipPrecedence;
  const first = decideClient(filters, ip, { policy });
  if (first.by !== "none") return first;
  const { files, dns: zones } = local.blockLists;
  const asks = dns || local.dns.kind === "zone";
  const clock = { now: () => new Date() };
  const warnings: string[] = [];
  const listedBy = await openBlockLists(
    { files, dns: asks ? zones : [] },
    {
      resolver: createResolver(local.dns, clock),
      clock,
      log: {
        info: () => undefined,
        error: () => undefined,
        warn: (_, fields) => warnings.push(`${fields?.["zone"]}: ${fields?.["why"]}`),
      },
    },
  );
  const listed = await listedBy(ip);
  if (listed !== undefined) return decideClient(filters, ip, { policy, listedBy: listed });
  const asked = files.length + (asks ? zones.length : 0);
  const said = [
    first.reason,
    ...(asked > 0 ? [`no list of ${asked} names it`] : []),
    ...(!asks && zones.length > 0 ? [`${zones.length} DNS lists were not asked: give --dns`] : []),
    ...warnings,
  ];
  return { ...first, reason: said.join("; ") };
}

type Found = Pick<PredictedMail, "judge"> &
  Pick<PredictedMail["arrival"], "verdicts" | "headers" | "mail"> & {
    readonly authentication?: Authentication;
    readonly assumptions: readonly string[];
  };

async function understand(
  raw: Uint8Array,
  { ip, helo, from, dns = false }: ExplainQuestion,
  config: ResolvedConfig,
  { accepted, scan }: { readonly accepted: readonly string[]; readonly scan: boolean },
): Promise<Found> {
  const asks = dns || config.local.dns.kind === "zone";
  const authserv = `inbound-smtp.${config.region}.amazonaws.com`;
  const authentication = asks
    ? await authenticate(
        raw,
        { ip, helo, mailFrom: from, authserv },
        createResolver(config.local.dns, { now: () => new Date() }),
      )
    : nothingFoundOut;
  // As the engine does: once if any rule that runs asks for it, else not at all, and the verdicts are DISABLED.
  const scanned = scan
    ? await createScanner(config.local.scanners).scan(() => once(raw), {
        ip,
        helo,
        mailFrom: from,
        recipients: accepted,
      })
    : undefined;
  const verdicts = verdictsFrom(authentication, scanned?.spam, scanned?.virus, config.local.ses);
  const mail = await parseMail(raw);
  return {
    ...(asks && { authentication }),
    verdicts,
    headers: mail.headers,
    mail: async () => mail,
    judge: (seen) =>
      judge({
        headers: mail.headers,
        headersTruncated: false,
        envelopeFrom: from,
        recipients: accepted,
        verdicts: seen,
        body: mail,
      }),
    assumptions: asks
      ? []
      : ["No DNS was asked, so SPF, DKIM and DMARC say nothing (GRAY): give --dns, or a zone file in local.dns."],
  };
}

// As for a domain without any record: neither a point for the sender nor one against.
const nothingFoundOut: Authentication = {
  spf: { result: "none", domain: "" },
  dkim: [],
  dmarc: { result: "none", domain: "" },
};

/** What is taken for granted about a mail that nobody showed: a person wrote it, and every check passes. */
function ordinaryMail(from: string): Found {
  const headers = [{ name: "From", value: from }];
  return {
    headers,
    verdicts: { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "PASS", dmarc: "PASS" },
    judge: () => ({
      nature: { kind: "human", confidence: 0, evidence: [] },
      safety: { kind: "clean", reasons: [] },
      trust: "aligned",
      complete: true,
    }),
    mail: () => parseMail(Buffer.from(`From: ${from}\r\n\r\n`)),
    assumptions: ["A person wrote the mail, and it passes every check: give a message file to have it judged."],
  };
}

/** With CRLF line ends, as the mail arrives: a signature covers them. */
async function read(file: string): Promise<Uint8Array> {
  let octets: Uint8Array;
  try {
    octets = await readFile(file);
  } catch (error) {
    throw new ExplainInputError(
      `The message "${file}" cannot be read (${error instanceof Error ? error.message : String(error)}): check the path`,
      { cause: error },
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of toCrlf([octets])) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(raw: Uint8Array): AsyncGenerator<Uint8Array> {
  yield raw;
}

/** Two spellings of one mailbox are one recipient, as at RCPT TO. */
function onceEach(recipients: readonly string[]): string[] {
  const first = new Map<string, string>();
  for (const recipient of recipients) {
    const key = normaliseAddress(recipient);
    if (!first.has(key)) first.set(key, recipient);
  }
  return [...first.values()];
}
