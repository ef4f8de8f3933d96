import { GetTemplateCommand } from "@aws-sdk/client-cloudformation";
import { DescribeReceiptRuleSetCommand } from "@aws-sdk/client-ses";
import { type ApiReceiptRule, readApiRule } from "../../shared/receipt/api-rule.ts";
import type { RuleSet } from "../../shared/receipt/model.ts";
import type { CompiledTemplate } from "../check-template.ts";
import { findStack } from "./deploy-stack.ts";
import type { Session } from "./session.ts";

/**
 * The stage's rule set as SES has it now.
 *
 * @returns null when there is none; undefined when it could not be read, as from an emulator without SES
 */
export async function deployedRuleSet({ ses }: Session, name: string): Promise<RuleSet | null | undefined> {
  try {
    const { Rules = [] } = await ses.send(new DescribeReceiptRuleSetCommand({ RuleSetName: name }));
    return {
      name,
      rules: Rules.flatMap((rule) => {
        // The same members under another type; the reader takes nothing for granted.
        const plain: ApiReceiptRule = JSON.parse(JSON.stringify(rule));
        const read = readApiRule(plain);
        return "rule" in read ? [read.rule] : [];
      }),
    };
  } catch (error) {
    if (error instanceof Error && error.name.startsWith("RuleSetDoesNotExist")) return null;
    return undefined;
  }
}

/** The template that a stack was made from; undefined when there is no stack. */
export async function deployedTemplate(
  { cloudFormation }: Session,
  stackName: string,
): Promise<CompiledTemplate | undefined> {
  // CloudFormation still knows the templates of stacks that are gone.
  if (!(await findStack(cloudFormation, stackName))) return undefined;
  const { TemplateBody } = await cloudFormation.send(
    new GetTemplateCommand({ StackName: stackName, TemplateStage: "Original" }),
  );
  return TemplateBody === undefined ? undefined : JSON.parse(TemplateBody);
}
