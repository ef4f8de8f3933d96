import { ref, type Statement, sub, type Value } from "../cloudformation.ts";

type Condition = NonNullable<Statement["Condition"]>;

/**
 * Only SES, only for this account, only for rules of this set: without them any customer's rule could write here
 * (the confused deputy). The rule's name stays open: SES's write test at a rule's creation has been seen to fail with a
 * policy pinned to one rule (ses-receiving.md §8.1).
 */
export function fromOurRules(ruleSet: string): Condition {
  return {
    StringEquals: { "aws:SourceAccount": ref("AWS::AccountId") },
    ArnLike: { "aws:SourceArn": ruleArn(ruleSet, "*") },
  };
}

export function ruleArn(ruleSet: string, rule: string): Value {
  return sub(
    `arn:\${AWS::Partition}:ses:\${AWS::Region}:\${AWS::AccountId}:receipt-rule-set/${ruleSet}:receipt-rule/${rule}`,
  );
}

/** Only this account, only from this resource. */
export function fromResource(arn: Value): Condition {
  return { StringEquals: { "aws:SourceAccount": ref("AWS::AccountId") }, ArnEquals: { "aws:SourceArn": arn } };
}

/** Only this account, only the events of this configuration set. */
export function fromConfigurationSet(name: string): Condition {
  return fromResource(sub(`arn:\${AWS::Partition}:ses:\${AWS::Region}:\${AWS::AccountId}:configuration-set/${name}`));
}
