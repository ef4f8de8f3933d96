import {
  DescribeActiveReceiptRuleSetCommand,
  DescribeReceiptRuleSetCommand,
  SESClient,
  SetActiveReceiptRuleSetCommand,
} from "@aws-sdk/client-ses";
import {
  DeleteParameterCommand,
  GetParameterCommand,
  ParameterNotFound,
  PutParameterCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import type { ActivationPorts } from "./work.ts";

// SES allows one call of a kind in a second, to the whole account: a deployment beside ours uses it too.
const maxAttempts = 8;
const answerAttempts = 4;

/** The activation's ports on AWS. */
export function openActivationPorts(): ActivationPorts {
  const ses = new SESClient({ maxAttempts });
  const ssm = new SSMClient({ maxAttempts });
  return {
    async active() {
      const { Metadata } = await ses.send(new DescribeActiveReceiptRuleSetCommand({}));
      return Metadata?.Name ?? null;
    },
    async exists(ruleSet) {
      try {
        await ses.send(new DescribeReceiptRuleSetCommand({ RuleSetName: ruleSet }));
        return true;
      } catch (error) {
        if (error instanceof Error && error.name.startsWith("RuleSetDoesNotExist")) return false;
        throw error;
      }
    },
    async activate(ruleSet) {
      await ses.send(new SetActiveReceiptRuleSetCommand(ruleSet === null ? {} : { RuleSetName: ruleSet }));
    },
    async remembered(parameter) {
      try {
        const { Parameter } = await ssm.send(new GetParameterCommand({ Name: parameter }));
        return parsePrevious(Parameter?.Value);
      } catch (error) {
        if (error instanceof ParameterNotFound) return undefined;
        throw error;
      }
    },
    async remember(parameter, ruleSet) {
      // A parameter cannot be empty, and "none" could be a set's name.
      const Value = JSON.stringify({ previous: ruleSet });
      await ssm.send(new PutParameterCommand({ Name: parameter, Value, Type: "String", Overwrite: true }));
    },
    async forget(parameter) {
      try {
        await ssm.send(new DeleteParameterCommand({ Name: parameter }));
      } catch (error) {
        if (!(error instanceof ParameterNotFound)) throw error;
      }
    },
    async answer(url, body) {
      for (let attempt = 1; ; attempt++) {
        try {
          // The address is signed for exactly these headers: an empty content type, or S3 refuses the signature.
          const { status } = await fetch(url, { method: "PUT", body, headers: { "content-type": "" } });
          if (status < 300) return;
          throw new Error(`CloudFormation's address answered ${status}`);
        } catch (error) {
          if (attempt === answerAttempts) throw error;
        }
      }
    },
  };
}

function parsePrevious(value: string | undefined): string | null | undefined {
  if (value === undefined) return undefined;
  const parsed: unknown = JSON.parse(value);
  if (typeof parsed !== "object" || parsed === null || !("previous" in parsed)) return undefined;
  return typeof parsed.previous === "string" ? parsed.previous : null;
}
