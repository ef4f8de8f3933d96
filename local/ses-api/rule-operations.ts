import {
  type ApiFields,
  type ApiReceiptAction,
  type ApiReceiptRule,
  readApiRule,
  storedRule,
  toApiRule,
} from "../../shared/receipt/api-rule.ts";
import { deleteRule, type Edited, insertRule, moveRule, replaceRule } from "../../shared/receipt/edit-rule-set.ts";
import type { ReceiptRule, RuleSet } from "../../shared/receipt/model.ts";
import { nameProblems, notNull, validateName, validationError } from "../../shared/receipt/validate-name.ts";
import { validateRule } from "../../shared/receipt/validate-rule.ts";
import type { Operations, SesApiParts } from "./parts.ts";
import { booleanOf, listOf, type QueryNode, structureOf, textOf, textsOf } from "./query-request.ts";
import { Refusal, refuseOn } from "./refusal.ts";
import { type NamedSets, readName } from "./rule-sets.ts";
import { announceSetup, checkTargets } from "./try-targets.ts";
import type { XmlFields } from "./xml-response.ts";

export function ruleOperations(parts: SesApiParts, sets: NamedSets): Operations {
  const { ruleSets, clock } = parts;
  /** Protocol, then the rule, then set, existence and limits, then targets; only then is anything written (§9.3). */
  const write = async (
    request: QueryNode,
    after: string | undefined,
    edit: (ruleSet: RuleSet, rule: ReceiptRule) => Edited,
  ) => {
    const { setName, rule } = readRuleRequest(request, after);
    ruleSets.read((reader) => edited(edit(sets.findOwn(reader, setName), rule), after ?? rule.name));
    const plan = checkTargets(rule, parts);
    await announceSetup(plan, parts);
    await ruleSets.edit((writer) => {
      writer.putRuleSet(edited(edit(sets.findOwn(writer, setName), rule), after ?? rule.name), clock.now());
    });
    return {};
  };

  return {
    CreateReceiptRule: (request) => {
      const after = textOf(request, "After");
      return write(request, after, (ruleSet, rule) => insertRule(ruleSet, rule, after));
    },
    UpdateReceiptRule: (request) => write(request, undefined, replaceRule),
    async DeleteReceiptRule(request) {
      const { setName, ruleName } = readNames(request);
      await ruleSets.edit((writer) => {
        writer.putRuleSet(deleteRule(sets.findOwn(writer, setName), ruleName), clock.now());
      });
      return {};
    },
    async DescribeReceiptRule(request) {
      const { setName, ruleName } = readNames(request);
      const rule = ruleSets.read((reader) => sets.find(reader, setName)).rules.find(({ name }) => name === ruleName);
      if (!rule) throw new Refusal("RuleDoesNotExist", `Rule does not exist: ${ruleName}`, { Name: ruleName });
      return { Rule: { ...toApiRule(rule) } as unknown as XmlFields };
    },
    async SetReceiptRulePosition(request) {
      const { setName, ruleName } = readNames(request);
      const after = textOf(request, "After");
      if (after !== undefined) readName(request, "After");
      await ruleSets.edit((writer) => {
        writer.putRuleSet(edited(moveRule(sets.findOwn(writer, setName), ruleName, after), ruleName), clock.now());
      });
      return {};
    },
  };
}

function edited(result: Edited, ruleName: string): RuleSet {
  if (!("error" in result)) return result.ruleSet;
  const { code, message } = result.error;
  const Name = /^Rule (?:already exists|does not exist): (.*)$/s.exec(message)?.[1] ?? ruleName;
  throw new Refusal(code, message, code === "AlreadyExists" || code === "RuleDoesNotExist" ? { Name } : {});
}

function readNames(request: QueryNode) {
  const setName = textOf(request, "RuleSetName");
  const ruleName = textOf(request, "RuleName");
  refuseOn(validationError([...nameProblems(setName, "ruleSetName"), ...nameProblems(ruleName, "ruleName")]));
  return { setName: setName ?? "", ruleName: ruleName ?? "" };
}

function readRuleRequest(request: QueryNode, after: string | undefined) {
  const setName = textOf(request, "RuleSetName");
  const node = structureOf(request, "Rule");
  const read = node && readApiRule(readRule(node));
  const error = read && "error" in read ? read.error : undefined;
  const problems = [
    ...nameProblems(setName, "ruleSetName"),
    ...(after === undefined ? [] : nameProblems(after, "after")),
    ...(node ? [] : [notNull("rule")]),
  ];
  // All protocol faults come in one message: those of the rule are counted in.
  if (problems.length > 0 && error?.code === "ValidationError") {
    problems.push(...error.message.slice(error.message.indexOf(": ") + 2).split("; "));
  }
  refuseOn(validationError(problems));
  refuseOn(error);
  refuseOn(validateName(setName, "ruleSetName"));
  if (!read || "error" in read) throw new Refusal("ValidationError", "no rule");
  refuseOn(validateRule(read.rule), targetOf(read.rule));
  return { setName: setName ?? "", rule: storedRule(read.rule) };
}

/** The extra member of a refusal that is about a malformed target. */
function targetOf(rule: ReceiptRule): Readonly<Record<string, string>> {
  const fault = validateRule(rule);
  const index = /^actions\[(\d+)\]/.exec(fault?.at ?? "")?.[1];
  const action = index === undefined ? undefined : rule.actions[Number(index)];
  if (fault?.code === "InvalidLambdaFunction" && action?.type === "Lambda") return { FunctionArn: action.functionArn };
  if (fault?.code === "InvalidS3Configuration" && action?.type === "S3") return { Bucket: action.bucketName };
  if (fault?.code === "InvalidSnsTopic" && action && "topicArn" in action && action.topicArn !== undefined) {
    return { Topic: action.topicArn };
  }
  return {};
}

function readRule(node: QueryNode): ApiReceiptRule {
  const name = textOf(node, "Name");
  const tlsPolicy = textOf(node, "TlsPolicy");
  const enabled = booleanOf(node, "Enabled");
  const scanEnabled = booleanOf(node, "ScanEnabled");
  return {
    ...(name !== undefined && { Name: name }),
    ...(tlsPolicy !== undefined && { TlsPolicy: tlsPolicy }),
    ...(enabled !== undefined && { Enabled: enabled }),
    ...(scanEnabled !== undefined && { ScanEnabled: scanEnabled }),
    Recipients: textsOf(node, "Recipients"),
    Actions: listOf(node, "Actions").map(readAction),
  };
}

function readAction(node: QueryNode): ApiReceiptAction {
  return Object.fromEntries(
    [...node.members].map(([type, { members }]): [string, ApiFields] => [
      type,
      Object.fromEntries([...members].map(([name, { value }]) => [name, value])),
    ]),
  );
}
