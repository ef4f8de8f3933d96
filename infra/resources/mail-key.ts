import type { ResolvedConfig } from "../../shared/config/types.ts";
import { getAtt, policyDocument, type Resources, ref, sub, text, type Value } from "../cloudformation.ts";
import type { Deployment } from "../deployment.ts";
import { fromConfigurationSet, fromOurRules } from "./service-conditions.ts";

export const mailKeyId = "MailKey";

/**
 * The key of `encrypt: true`: SES encrypts each object with a data key of it, and the notice topic is encrypted with it.
 * It stays when the stack goes: without it no stored mail can be read again.
 */
export function mailKeyResources({ config }: Deployment): Resources {
  if (!hasMailKey(config)) return {};
  return {
    [mailKeyId]: {
      Type: "AWS::KMS::Key",
      DeletionPolicy: "RetainExceptOnCreate",
      UpdateReplacePolicy: "Retain",
      Properties: {
        Description: `Mail of ${config.ruleSet.name}`,
        EnableKeyRotation: true,
        KeyPolicy: policyDocument([
          {
            // Without it nobody could administer the key, not even delete it; what roles may do is then said by IAM.
            Sid: "AccountAdministers",
            Effect: "Allow",
            Principal: { AWS: sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root") },
            Action: ["kms:*"],
            Resource: "*",
          },
          {
            Sid: "SesEncryptsMail",
            Effect: "Allow",
            Principal: { Service: "ses.amazonaws.com" },
            Action: ["kms:GenerateDataKey*", "kms:Encrypt", "kms:Decrypt"],
            Resource: "*",
            Condition: fromOurRules(config.ruleSet.name),
          },
          {
            // Bounces, complaints and deliveries of what we send come from a configuration set, not from a rule.
            Sid: "SesPublishesFeedback",
            Effect: "Allow",
            Principal: { Service: "ses.amazonaws.com" },
            Action: ["kms:GenerateDataKey*", "kms:Decrypt"],
            Resource: "*",
            Condition: fromConfigurationSet(config.names.configurationSet),
          },
        ]),
      },
    },
    MailKeyAlias: {
      Type: "AWS::KMS::Alias",
      Properties: { AliasName: config.aws.kmsAlias, TargetKeyId: ref(mailKeyId) },
    },
  };
}

/** Asked for by `encrypt`, or by an own rule that names the pipeline's key. */
export function hasMailKey(config: ResolvedConfig): boolean {
  return config.encrypt || keysOfRules(config).includes(config.names.kmsKeyArn);
}

/** Every key that stored mail may be encrypted with. */
export function mailKeyArns(config: ResolvedConfig): readonly Value[] {
  const foreign = keysOfRules(config).filter((arn) => arn !== config.names.kmsKeyArn);
  return [...(hasMailKey(config) ? [getAtt(mailKeyId, "Arn")] : []), ...[...new Set(foreign)].map(text)];
}

function keysOfRules({ ruleSet }: ResolvedConfig): readonly string[] {
  const actions = ruleSet.rules.flatMap((rule) => rule.actions);
  return actions.flatMap((action) =>
    action.type === "S3" && action.kmsKeyArn !== undefined ? [action.kmsKeyArn] : [],
  );
}
