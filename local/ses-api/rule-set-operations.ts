import { toApiRule } from "../../shared/receipt/api-rule.ts";
import { reorderRules } from "../../shared/receipt/edit-rule-set.ts";
import { limits } from "../../shared/receipt/limits.ts";
import { notNull, validationError } from "../../shared/receipt/validate-name.ts";
import type { RuleSetReader, RuleSetWriter } from "../store/rule-sets.ts";
import type { Operations, SesApiParts } from "./parts.ts";
import { textOf, textsOf } from "./query-request.ts";
import { Refusal, refuseOn } from "./refusal.ts";
import { type NamedSets, readName, readSetName, type ShownRuleSet } from "./rule-sets.ts";
import type { XmlFields } from "./xml-response.ts";

export function ruleSetOperations({ config, ruleSets, clock }: SesApiParts, sets: NamedSets): Operations {
  const make = (writer: RuleSetWriter, name: string, rulesOf: () => ShownRuleSet["rules"]) => {
    // An existing target is reported before a missing source (§9.4).
    if (sets.has(writer, name)) {
      throw new Refusal("AlreadyExists", `Rule set already exists: ${name}`, { Name: name });
    }
    const rules = rulesOf();
    // The configured set is ours: the quota is for what the API makes.
    if (writer.ruleSets().length >= limits.ruleSets) throw new Refusal("LimitExceeded", "Too many rule sets");
    writer.putRuleSet({ name, rules }, clock.now());
  };
  const activeName = (reader: RuleSetReader) => {
    const choice = reader.active();
    return choice.kind === "configured" ? config.ruleSet.name : choice.kind === "stored" ? choice.name : undefined;
  };

  return {
    async CreateReceiptRuleSet(request) {
      const name = readSetName(request);
      await ruleSets.edit((writer) => make(writer, name, () => []));
      return {};
    },
    async CloneReceiptRuleSet(request) {
      const name = readSetName(request);
      const original = readName(request, "OriginalRuleSetName");
      await ruleSets.edit((writer) => make(writer, name, () => sets.find(writer, original).rules));
      return {};
    },
    async DeleteReceiptRuleSet(request) {
      const name = readName(request, "RuleSetName");
      await ruleSets.edit((writer) => {
        if (activeName(writer) === name) {
          throw new Refusal("CannotDelete", `Cannot delete active rule set: ${name}`, { Name: name });
        }
        if (name === config.ruleSet.name) {
          throw new Refusal("CannotDelete", `Cannot delete configured rule set: ${name}`, { Name: name });
        }
        writer.deleteRuleSet(name);
      });
      return {};
    },
    async ListReceiptRuleSets(request) {
      // 41 sets at most fit on one page of 100: no token was ever given out.
      const token = textOf(request, "NextToken");
      if (token !== undefined) throw new Refusal("InvalidParameterValue", `Invalid token: ${token}`);
      return { RuleSets: ruleSets.read(sets.list).map(metadata) };
    },
    async DescribeReceiptRuleSet(request) {
      const name = readName(request, "RuleSetName");
      return description(ruleSets.read((reader) => sets.find(reader, name)));
    },
    async SetActiveReceiptRuleSet(request) {
      if (textOf(request, "RuleSetName") === undefined) {
        await ruleSets.edit((writer) => writer.activate({ kind: "none" }));
        return {};
      }
      const name = readName(request, "RuleSetName");
      await ruleSets.edit((writer) => {
        sets.find(writer, name);
        writer.activate(name === config.ruleSet.name ? { kind: "configured" } : { kind: "stored", name });
      });
      return {};
    },
    async DescribeActiveReceiptRuleSet() {
      return ruleSets.read((reader) => {
        const name = activeName(reader);
        return name === undefined ? {} : description(sets.find(reader, name));
      });
    },
    async ReorderReceiptRuleSet(request) {
      const name = readName(request, "RuleSetName");
      if (!request.members.has("RuleNames")) refuseOn(validationError([notNull("ruleNames")]));
      const names = textsOf(request, "RuleNames");
      await ruleSets.edit((writer) => {
        const edited = reorderRules(sets.findOwn(writer, name), names);
        if ("error" in edited) {
          const unknown = names.find((rule) => edited.error.message.endsWith(`: ${rule}`));
          throw new Refusal(
            edited.error.code,
            edited.error.message,
            edited.error.code === "RuleDoesNotExist" && unknown !== undefined ? { Name: unknown } : {},
          );
        }
        writer.putRuleSet(edited.ruleSet, clock.now());
      });
      return {};
    },
  };
}

const metadata = ({ name, createdAt }: ShownRuleSet): XmlFields => ({ Name: name, CreatedTimestamp: createdAt });

const description = (ruleSet: ShownRuleSet): XmlFields => ({
  Metadata: metadata(ruleSet),
  Rules: ruleSet.rules.map((rule) => ({ ...toApiRule(rule) }) as unknown as XmlFields),
});
