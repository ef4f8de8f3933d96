import { bounceTemplates } from "../config/bounce-templates.ts";
import type { ResolvedConfig } from "../config/types.ts";
import { MailweirError } from "../errors.ts";
import { normaliseAddress } from "../mail/address.ts";
import type { GateAnswer, GatePorts } from "./ask-gate.ts";
import { type Arrival, decisionsFor, judgeArrival } from "./fan-out.ts";
import { mayBounce } from "./policy.ts";

/**
 * The gate's answer where a verdict, or a reject, asks for one.
 *
 * @param rejected - the recipients that a reject names
 */
export async function answerGate(
  ports: GatePorts,
  config: ResolvedConfig,
  arrival: Arrival,
  rejected: readonly string[],
): Promise<GateAnswer> {
  const { verdicts, from: envelopeFrom } = arrival;
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
