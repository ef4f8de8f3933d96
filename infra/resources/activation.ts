import { functionLogicalId, getAtt, type Resources, ref, type Statement, sub } from "../cloudformation.ts";
import type { Deployment } from "../deployment.ts";
import { ruleIds, ruleSetId } from "./receiving.ts";

/** Where the set that was active before us is remembered, below `/mailweir/<stage>/`. */
export const previousRuleSetParameter = (stage: string): string => `/mailweir/${stage}/previous-rule-set`;

/**
 * CloudFormation has no type for "the active rule set": a function of ours sets it, last of all, and undoes it first when
 * the stack goes (functions/activate).
 */
export function activationResources({ config, stage }: Deployment): Resources {
  const { rules } = config.ruleSet;
  const last = ruleIds(rules).at(-1);
  return {
    Activation: {
      Type: "Custom::ActiveReceiptRuleSet",
      DependsOn: [...(last === undefined ? [] : [last])],
      Properties: {
        ServiceToken: getAtt(functionLogicalId("activate"), "Arn"),
        ServiceTimeout: 120,
        RuleSetName: ref(ruleSetId),
        // CloudFormation passes properties as text anyway: better ours.
        Activate: String(config.aws.activate),
        TakeOver: String(config.aws.takeOver),
        PreviousParameter: previousRuleSetParameter(stage),
      },
    },
  };
}

export function activationStatements({ stage }: Deployment): readonly Statement[] {
  return [
    {
      Effect: "Allow",
      Action: ["ses:DescribeActiveReceiptRuleSet", "ses:DescribeReceiptRuleSet", "ses:SetActiveReceiptRuleSet"],
      Resource: "*",
    },
    {
      Effect: "Allow",
      Action: ["ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"],
      Resource: sub(
        `arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter${previousRuleSetParameter(stage)}`,
      ),
    },
  ];
}
