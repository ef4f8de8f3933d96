import { bounceTemplates } from "../config/bounce-templates.ts";
import type { ResolvedConfig } from "../config/types.ts";
import { MailweirError } from "../errors.ts";
import { normaliseAddress } from "../mail/address.ts";
import type { Ports } from "../ports.ts";
import type { Disposition } from "../receipt/model.ts";
import { rejectOf } from "./decide.ts";
import { type Arrival, decisionsFor, judgeArrival, judgeHeaders } from "./fan-out.ts";
import { applyPolicy, mayBounce } from "./policy.ts";

export interface GateAnswer {
  readonly disposition: Disposition;
  readonly reasons: readonly string[];
  /** Recipients for whom a bounce was sent (or had been, by an attempt before this one). */
  readonly bounced: readonly string[];
}

/** So little that `explain` can predict the answer without a store. */
export interface GatePorts {
  readonly ledger: Pick<Ports["ledger"], "decide">;
  readonly outbox: Pick<Ports["outbox"], "sendBounce">;
}

/**
 * What SES is told before actions that cannot be undone. One answer counts for the whole message, so the rule set is
 * stopped only if every matched recipient's policy agrees. In a rule of rejects it stops the rule when its bounce would
 * be backscatter. Bounces that the policy asks for are sent here, after their decision was stored: the router then finds
 * it, and whoever of the two comes second does as the first decided.
 */
export async function askGate(ports: GatePorts, config: ResolvedConfig, arrival: Arrival): Promise<GateAnswer> {
  const { verdicts, from: envelopeFrom } = arrival;
  const rejected = arrival.recipients.filter((recipient) => rejectOf(config.rejects, recipient) !== undefined);
  // Nothing was found, as in nearly all mail: then what the mail is does not matter, and its object is not read.
  const found = applyPolicy(config.gate, { judgement: judgeHeaders(arrival), verdicts, envelopeFrom });
  if (rejected.length === 0 && found.outcome === "nothing")
    return { disposition: "CONTINUE", reasons: [], bounced: [] };

  const { judgement, headers } = await judgeArrival(arrival);
  if (rejected.length === arrival.recipients.length) {
    const bounce = mayBounce({ judgement, verdicts, envelopeFrom });
    return bounce.allowed
      ? {
          disposition: "CONTINUE",
          reasons: ["every recipient is to be rejected, and a bounce may be sent"],
          bounced: [],
        }
      : { disposition: "STOP_RULE", reasons: [`no bounce, it would be backscatter: ${bounce.reason}`], bounced: [] };
  }

  const decisions = decisionsFor(config, arrival, judgement, headers);
  const prevented = decisions.filter(({ outcome }) => outcome === "bounced" || outcome === "dropped");
  const stored = prevented.length > 0 ? await ports.ledger.decide(prevented) : [];
  const ended = stored.filter(
    ({ stream, outcome }) => stream === null && (outcome === "bounced" || outcome === "dropped"),
  );
  const bounced = ended.filter(({ outcome }) => outcome === "bounced").map(({ recipient }) => recipient);
  const refused = bounced.length > 0 ? await sendBounce(ports, config, arrival, bounced) : undefined;

  // What lies in quarantine must not reach the actions behind the gate either.
  const held = decisions.filter(({ stream, recipient }) => stream === "quarantine" && !isPrevented(recipient));
  const stopped = ended.length + held.length;
  return {
    disposition: stopped === decisions.length ? "STOP_RULE_SET" : "CONTINUE",
    reasons: [
      ...new Set([...ended, ...held].flatMap(({ reasons }) => reasons)),
      ...(refused === undefined ? [] : [`no bounce was sent: ${refused}`]),
    ],
    bounced: refused === undefined ? bounced : [],
  };

  function isPrevented(recipient: string): boolean {
    return prevented.some((decision) => decision.recipient === recipient);
  }
}

/** Answers why no bounce can leave, now or later: the mail is stopped all the same, and a retry would change nothing. */
async function sendBounce(
  { outbox }: GatePorts,
  config: ResolvedConfig,
  { sesMessageId, recipients }: Arrival,
  bounced: readonly string[],
): Promise<string | undefined> {
  const { smtpReplyCode, statusCode, message } = bounceTemplates["content-rejected"];
  try {
    await outbox.sendBounce({
      originalMessageId: sesMessageId,
      bounceSender: config.bounceSender,
      // SES wants its own spelling: the recipient must be one of the original's.
      recipients: recipients
        .filter((recipient) => bounced.includes(normaliseAddress(recipient)))
        .map((recipient) => ({ recipient, smtpReplyCode, statusCode, message })),
    });
    return undefined;
  } catch (error) {
    // By its code: it may come from another thread.
    if (error instanceof MailweirError && error.code === "ERR_BOUNCE_REFUSED") return error.message;
    throw error;
  }
}
