import { readFile } from "node:fs/promises";
import { authenticate } from "../local/authenticate/authenticate.ts";
import { createResolver } from "../local/authenticate/create-resolver.ts";
import { createScanner } from "../local/scan/create-scanner.ts";
import { loadConfig } from "../shared/config/load-config.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";
import { judge } from "../shared/mail/judge.ts";
import type { Judgement, Verdicts } from "../shared/mail/judgement.ts";
import { parseMail } from "../shared/mail/parse-mail.ts";
import { acceptRecipient } from "../shared/receipt/accept-recipient.ts";
import { verdictsFrom } from "../shared/receipt/authentication.ts";
import { decideClient } from "../shared/receipt/ip-filter.ts";
import { formatReply, replies } from "../shared/receipt/replies.ts";
import { type RuleTrace, traceRules } from "../shared/receipt/trace.ts";
import { decideStream } from "../shared/streams/decide.ts";
import { NoDataError } from "./data-folder.ts";

export interface ExplainQuestion {
  readonly to: readonly string[];
  readonly from: string;
  readonly ip: string;
  readonly helo: string;
  readonly tls: boolean;
  readonly config: string;
  /** Path of an .eml file. */
  readonly message: string | undefined;
}

/** The stable shape of `explain --json`; null where nothing could be said. */
export interface Explanation {
  readonly client: { readonly refused: boolean; readonly reason: string };
  readonly recipients: readonly {
    readonly recipient: string;
    readonly accepted: boolean;
    readonly reply: string;
    readonly reason: string;
  }[];
  readonly rules: readonly RuleTrace[];
  readonly verdicts: Verdicts | null;
  readonly judgement: Judgement | null;
  readonly streams:
    | readonly {
        readonly recipient: string;
        readonly stream: string | null;
        readonly outcome: string | null;
        readonly reasons: readonly string[];
      }[]
    | null;
}

/** What the engine would do with a mail, found out by the same pure functions, without an engine. */
export async function explain(question: ExplainQuestion): Promise<Explanation> {
  const config = await loadConfig(question.config);
  const client = decideClient(config.ipFilters, question.ip);
  const recipients = question.to.map((recipient) => {
    if (client.refused)
      return { recipient, accepted: false, reply: formatReply(replies.clientBlocked), reason: client.reason };
    const decision = acceptRecipient({
      ruleSet: config.ruleSet,
      verifiedDomains: config.domains,
      recipient,
      client: { tls: question.tls },
    });
    return decision.accept
      ? { recipient, accepted: true, reply: formatReply(replies.ok), reason: `matches ${decision.rules.join(", ")}` }
      : { recipient, accepted: false, reply: formatReply(decision.reply), reason: decision.reason };
  });
  const accepted = recipients.filter((entry) => entry.accepted).map(({ recipient }) => recipient);
  const rules =
    accepted.length === 0
      ? []
      : traceRules(
          { ruleSet: config.ruleSet, recipients: accepted, tls: question.tls, outcomes: [] },
          { predict: true },
        );
  const found = question.message === undefined ? undefined : await understand(question, config, accepted);
  return {
    client: { refused: client.refused, reason: client.reason },
    recipients,
    rules,
    verdicts: found?.verdicts ?? null,
    judgement: found?.judgement ?? null,
    streams: found?.streams ?? null,
  };
}

async function understand(question: ExplainQuestion, config: ResolvedConfig, accepted: readonly string[]) {
  const raw = await read(question.message ?? "");
  const { ip, helo, from } = question;
  const clock = { now: () => new Date() };
  const authserv = `inbound-smtp.${config.region}.amazonaws.com`;
  const authentication = await authenticate(
    raw,
    { ip, helo, mailFrom: from, authserv },
    createResolver(config.local.dns, clock),
  );
  const scan = await createScanner(config.local.scanners).scan(() => once(raw), {
    ip,
    helo,
    mailFrom: from,
    recipients: accepted,
  });
  const verdicts = verdictsFrom(authentication, scan.spam, scan.virus);
  const mail = await parseMail(raw);
  const judgement = judge({
    headers: mail.headers,
    headersTruncated: false,
    envelopeFrom: from,
    recipients: accepted,
    verdicts,
    body: mail,
  });
  const streams = accepted.map((recipient) => {
    const { stream, outcome, reasons } = decideStream(config, {
      recipient,
      judgement,
      headers: mail.headers,
      verdicts,
      envelopeFrom: from,
    });
    return { recipient, stream, outcome: outcome ?? null, reasons };
  });
  return { verdicts, judgement, streams };
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new NoDataError(`Cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

async function* once(raw: Uint8Array): AsyncGenerator<Uint8Array> {
  yield raw;
}
