import { normaliseRecipients } from "../receipt/match-recipient.ts";
import type { ReceiptAction, ReceiptRule, RuleSet } from "../receipt/model.ts";
import { bounceTemplates } from "./bounce-templates.ts";
import type { GatePolicy, RejectConfig, ResolvedStream, ResourceNames } from "./types.ts";

export interface RuleSource {
  readonly domains: readonly string[];
  readonly streams: readonly ResolvedStream[];
  readonly rejects: readonly RejectConfig[];
  readonly gate: GatePolicy;
  readonly tls: "require" | "optional";
  readonly bounceSender: string;
  readonly encrypt: boolean;
  readonly names: ResourceNames;
}

// SES quotas: 500 conditions a rule (ses-receiving.md §9.7).
const maxConditions = 500;

/**
 * The rules that a configuration means, in the order store, gate, rejects. Store comes first, so that the raw message is
 * there whatever follows does wrong. The gate is asked only before what cannot be undone: once for all where a policy
 * says bounce or drop, and in front of each reject's bounce, which would be backscatter for a forged sender.
 */
export function deriveRuleSet(source: RuleSource): RuleSet {
  const { names, gate, rejects } = source;
  const accepted = acceptedRecipients(source);
  const askGate: ReceiptAction = {
    type: "Lambda",
    functionArn: names.functionArn("gate"),
    invocationType: "RequestResponse",
  };
  const rule = (name: string, recipients: readonly string[], actions: readonly ReceiptAction[]): ReceiptRule => ({
    name,
    enabled: true,
    tlsPolicy: source.tls === "require" ? "Require" : "Optional",
    scanEnabled: true,
    recipients: normaliseRecipients(recipients),
    actions,
  });

  const store: readonly ReceiptAction[] = [
    {
      type: "S3",
      bucketName: names.bucket,
      objectKeyPrefix: names.keyPrefix,
      topicArn: names.noticeTopicArn,
      ...(source.encrypt && { kmsKeyArn: names.kmsKeyArn }),
    },
    { type: "Lambda", functionArn: names.functionArn("journal"), invocationType: "Event" },
  ];
  const prevents = Object.values(gate).some((outcome) => outcome === "bounce" || outcome === "drop");

  return {
    name: "mailweir",
    rules: [
      ...inChunks(accepted).map((recipients, index) =>
        rule(index === 0 ? "store" : `store-${index + 1}`, recipients, store),
      ),
      ...(prevents
        ? inChunks(accepted).map((recipients, index) =>
            rule(index === 0 ? "gate" : `gate-${index + 1}`, recipients, [askGate]),
          )
        : []),
      ...rejects.map((reject, index) =>
        rule(`reject-${index + 1}`, reject.recipients, [
          askGate,
          { type: "Bounce", ...bounceTemplates[reject.template], sender: source.bounceSender },
        ]),
      ),
    ],
  };
}

/** Every condition that a stream or a reject names; with a stream for any address, all domains and their subdomains. */
function acceptedRecipients({ domains, streams, rejects }: RuleSource): readonly string[] {
  const addressed = streams.filter((stream) => stream.addressed);
  const everything = addressed.some((stream) => stream.recipients.length === 0);
  return normaliseRecipients([
    ...addressed.flatMap((stream) => stream.recipients),
    ...rejects.flatMap((reject) => reject.recipients),
    ...(everything ? domains.flatMap((domain) => [domain, `.${domain}`]) : []),
  ]);
}

function inChunks(conditions: readonly string[]): readonly (readonly string[])[] {
  const chunks: (readonly string[])[] = [];
  for (let at = 0; at < conditions.length; at += maxConditions) chunks.push(conditions.slice(at, at + maxConditions));
  return chunks;
}
