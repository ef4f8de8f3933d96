import { parseMailAddress } from "../mail/address.ts";
import type { ApiError } from "./api-error.ts";
import { validateCidr } from "./ip-filter.ts";
import { limits } from "./limits.ts";
import { validateRecipientCondition } from "./match-recipient.ts";
import type { IpFilter, ReceiptAction, ReceiptRule, RuleSet } from "./model.ts";
import { notInSet, validateFilterName, validateName, validationError } from "./validate-name.ts";

/**
 * The first thing that the SES API would say against a rule, in its order and words (ses-receiving.md §2.3, §5, §9.3);
 * `undefined` for a good rule. Targets (does the bucket exist, is the identity verified) are the caller's to try.
 */
export function validateRule(rule: ReceiptRule): ApiError | undefined {
  return findRuleFaults(rule)[0];
}

/** Everything against a rule, in the API's order: a configuration is told all at once. */
export function findRuleFaults(rule: ReceiptRule): ApiError[] {
  const nameFault = validateName(rule.name, "rule.name", "ruleName");
  return [
    ...(nameFault ? [{ ...nameFault, at: "name" }] : []),
    ...findRecipientFaults(rule.recipients),
    ...rule.actions.flatMap((action, index) =>
      findActionFaults(action).map((fault) => within(`actions[${index}]`, fault)),
    ),
    ...findStopFaults(rule.actions),
    ...(rule.actions.length > limits.actionsPerRule
      ? [{ code: "LimitExceeded", message: "Too many actions", at: "actions" } as const]
      : []),
  ];
}

/** Everything against a rule set, with `at` like `rules[2].actions[0].topicArn`. */
export function findRuleSetFaults(ruleSet: RuleSet): ApiError[] {
  const nameFault = validateName(ruleSet.name, "ruleSetName");
  const names = new Set<string>();
  return [
    ...(nameFault ? [{ ...nameFault, at: "name" }] : []),
    ...(ruleSet.rules.length > limits.rulesPerRuleSet
      ? [{ code: "LimitExceeded", message: "Too many rules", at: "rules" } as const]
      : []),
    ...ruleSet.rules.flatMap((rule, index): ApiError[] => {
      const repeated = names.has(rule.name);
      names.add(rule.name);
      const at = `rules[${index}]`;
      return [
        ...(repeated
          ? [{ code: "AlreadyExists", message: `Rule already exists: ${rule.name}`, at: `${at}.name` } as const]
          : []),
        ...findRuleFaults(rule).map((fault) => within(at, fault)),
      ];
    }),
  ];
}

/** The first thing that the SES API would say against an IP filter; its count is the caller's to check. */
export function validateFilter(filter: IpFilter): ApiError | undefined {
  const nameFault = validateFilterName(filter.name);
  if (nameFault) return { ...nameFault, at: "name" };
  const policies: readonly string[] = ["Allow", "Block"];
  if (!policies.includes(filter.policy)) {
    return validationError([notInSet("filter.ipFilter.policy", policies)], "policy");
  }
  return validateCidr(filter.cidr);
}

/** Everything against one action's own members; `at` names the member. */
export function findActionFaults(action: ReceiptAction): ApiError[] {
  switch (action.type) {
    case "S3":
      return [
        ...(action.bucketName === "" ? [invalid("Bucket name must not be empty", "bucketName")] : []),
        ...findTopicFaults(action.topicArn),
        ...findRoleFaults(action.iamRoleArn),
      ];
    case "SNS":
      return findTopicFaults(action.topicArn);
    case "Lambda":
      return [...findFunctionFaults(action.functionArn), ...findTopicFaults(action.topicArn)];
    case "Bounce":
      return [
        ...(/^[45][0-9]{2}$/.test(action.smtpReplyCode)
          ? []
          : [invalid(`Invalid SMTP reply code: ${action.smtpReplyCode}`, "smtpReplyCode")]),
        ...(action.statusCode === undefined || /^[45]\.[0-9]{1,3}\.[0-9]{1,3}$/.test(action.statusCode)
          ? []
          : [invalid(`Invalid SMTP status code: ${action.statusCode}`, "statusCode")]),
        // RFC 5321 §4.2 textstring.
        ...(/^[\t\x20-\x7e]+$/.test(action.message)
          ? []
          : [invalid(`Invalid SMTP response message: ${action.message}`, "message")]),
        ...(parseMailAddress(action.sender) ? [] : [invalid(`Identity is not verified: ${action.sender}`, "sender")]),
        ...findTopicFaults(action.topicArn),
      ];
    case "AddHeader":
      return [
        // RFC 5322 §3.6.8 ftext: all that the live API checks.
        ...(/^[\x21-\x39\x3b-\x7e]+$/.test(action.headerName)
          ? []
          : [invalid(`Invalid header name: ${showControls(action.headerName)}`, "headerName")]),
        ...(action.headerValue.length > maxHeaderValueLength || /[\r\n\0]/.test(action.headerValue)
          ? [invalid(`Invalid header value: ${showControls(action.headerValue)}`, "headerValue")]
          : []),
      ];
    case "Stop":
    case "WorkMail":
      return findTopicFaults(action.topicArn);
    case "Connect":
      return [
        ...(/^arn:[\w-]+:connect:[a-z0-9-]+:[0-9]{12}:instance\/[A-Za-z0-9-]{1,100}$/.test(action.instanceArn)
          ? []
          : [invalid(`Invalid Connect instance ARN: ${action.instanceArn}`, "instanceArn")]),
        ...findRoleFaults(action.iamRoleArn).map(({ message, at }) => invalid(message, at ?? "iamRoleArn")),
      ];
  }
}

const maxHeaderValueLength = 2048;

function findRecipientFaults(recipients: readonly string[]): ApiError[] {
  // The API counts before it reads.
  if (recipients.length > limits.recipientsPerRule) {
    return [{ code: "LimitExceeded", message: "Too many recipients", at: "recipients" }];
  }
  return recipients.flatMap((condition, index) => {
    const fault = validateRecipientCondition(condition);
    return fault ? [{ ...fault, at: `recipients[${index}]` }] : [];
  });
}

function findStopFaults(actions: readonly ReceiptAction[]): ApiError[] {
  return actions.flatMap((action, index) =>
    action.type === "Stop" && index < actions.length - 1
      ? [invalid("Stop action, if any, must be placed at the end of the actions list", `actions[${index}]`)]
      : [],
  );
}

const topicArn = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?$/;
const functionArn =
  /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(?::(?:\$LATEST|[A-Za-z0-9_-]{1,128}))?$/;
const roleArn = /^arn:[\w-]+:iam::[0-9]+:role\/(?:[\x21-\x7e]+\/)?[\w+=,.@-]+$/;

function findTopicFaults(arn: string | undefined): ApiError[] {
  return arn === undefined || topicArn.test(arn)
    ? []
    : [{ code: "InvalidSnsTopic", message: `Invalid SNS topic: ${arn}`, at: "topicArn" }];
}

function findFunctionFaults(arn: string): ApiError[] {
  if (arn === "") return [invalid("Lambda function ARN must not be empty", "functionArn")];
  return functionArn.test(arn)
    ? []
    : [{ code: "InvalidLambdaFunction", message: `Invalid Lambda function: ${arn}`, at: "functionArn" }];
}

function findRoleFaults(arn: string | undefined): ApiError[] {
  const good = arn === undefined || (arn.length >= 20 && arn.length <= 2048 && roleArn.test(arn));
  return good
    ? []
    : [
        {
          code: "InvalidS3Configuration",
          message: "Could not assume the provided IAM role",
          at: "iamRoleArn",
        },
      ];
}

/** The API renders a control as `0x00NN`. */
function showControls(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, (control) => `0x${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const invalid = (message: string, at: string): ApiError => ({ code: "InvalidParameterValue", message, at });

const within = (place: string, fault: ApiError): ApiError => ({
  ...fault,
  at: fault.at === undefined ? place : `${place}.${fault.at}`,
});
