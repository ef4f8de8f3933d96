import type { RuleSet } from "../../shared/receipt/model.ts";
import { nameProblems, validateName, validationError } from "../../shared/receipt/validate-name.ts";
import type { RuleSetReader } from "../store/rule-sets.ts";
import type { SesApiParts } from "./parts.ts";
import { type QueryNode, textOf } from "./query-request.ts";
import { Refusal, refuseOn } from "./refusal.ts";

/** A rule set as the API shows it: one of its own, or the configured one, which it can only look at. */
export interface ShownRuleSet extends RuleSet {
  readonly createdAt: Date;
}

export interface NamedSets {
  /** @throws {Refusal} RuleSetDoesNotExist */
  find(reader: RuleSetReader, name: string): ShownRuleSet;
  has(reader: RuleSetReader, name: string): boolean;
  /**
   * A set that may be changed.
   *
   * @throws {Refusal} RuleSetDoesNotExist; AccessDenied for the configured one
   */
  findOwn(reader: RuleSetReader, name: string): ShownRuleSet;
  list(reader: RuleSetReader): readonly ShownRuleSet[];
}

/** The sets by name. The configured one goes before a stored one that was named like it earlier. */
export function createNamedSets({ config, clock }: Pick<SesApiParts, "config" | "clock">): NamedSets {
  const configured: ShownRuleSet = { ...config.ruleSet, createdAt: clock.now() };
  const lookUp = (reader: RuleSetReader, name: string) =>
    name === configured.name ? configured : reader.ruleSet(name);
  const find = (reader: RuleSetReader, name: string) => {
    const found = lookUp(reader, name);
    if (!found) throw new Refusal("RuleSetDoesNotExist", `Rule set does not exist: ${name}`, { Name: name });
    return found;
  };
  return {
    find,
    has: (reader, name) => lookUp(reader, name) !== undefined,
    findOwn(reader, name) {
      if (name === configured.name) {
        const message = `The rule set ${name} comes from the configuration: change it there, or clone it and change the clone`;
        throw new Refusal("AccessDenied", message, {}, 403);
      }
      return find(reader, name);
    },
    list: (reader) =>
      [configured, ...reader.ruleSets().filter(({ name }) => name !== configured.name)].sort((a, b) =>
        a.name < b.name ? -1 : 1,
      ),
  };
}

/** @throws {Refusal} in the words of §9.3 */
export function readSetName(request: QueryNode, member = "RuleSetName"): string {
  const name = textOf(request, member);
  const shown = member.charAt(0).toLowerCase() + member.slice(1);
  refuseOn(validateName(name, shown));
  return name ?? "";
}

/** A name that is only looked up: what cannot be one does not exist, what breaks the protocol is refused. */
export function readName(request: QueryNode, member: string): string {
  const name = textOf(request, member);
  refuseOn(validationError(nameProblems(name, member.charAt(0).toLowerCase() + member.slice(1))));
  return name ?? "";
}
