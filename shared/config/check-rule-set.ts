import type { RuleSet } from "../receipt/model.ts";
import { findRuleSetFaults } from "../receipt/validate-rule.ts";
import type { ConfigFault } from "./config-error.ts";

/** The faults of a user's own rule set, by the rules of the SES API (ses-receiving.md §9.3), with their places. */
export function checkRuleSet(ruleSet: RuleSet): readonly ConfigFault[] {
  return findRuleSetFaults(ruleSet).map(({ at, message }) => ({
    at: at === undefined ? "ruleSet" : `ruleSet.${at}`,
    problem: message,
    allowed: allowedAt(at),
  }));
}

/** SES's messages say what is wrong; this says what would be right. */
function allowedAt(at: string | undefined): string {
  const word = /(\w+)(?:\[\d+\])?$/.exec(at ?? "")?.[1] ?? "";
  return allowed[word] ?? "what SES takes: docs/own-rules.md";
}

const name = "letters, digits, _, - and ., a letter or digit first and last, at most 64; each name once";
const allowed: Readonly<Record<string, string>> = {
  name,
  rules: "at most 200 rules",
  actions: "at most 10 actions in a rule",
  recipients: "at most 100 in a rule: address@example.com, example.com, or .example.com for its subdomains",
  smtpReplyCode: "a code of three digits from 400 to 599, such as 550",
  statusCode: "an enhanced status such as 5.1.1, of the same class as the reply code",
  message: "one line of US-ASCII",
  sender: "an address of one of your domains",
  topicArn: "arn:aws:sns:<region>:<account>:<topic>",
  functionArn: "arn:aws:lambda:<region>:<account>:function:<name>",
  bucketName: "the name of a bucket of this account",
  headerName: "1 to 50 letters, digits and hyphens",
  headerValue: "one line of less than 2048 octets",
};
