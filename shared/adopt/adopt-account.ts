import { some } from "../config/doctor/place.ts";
import { resourceNames } from "../config/names.ts";
import { receivingRegions } from "../config/regions.ts";
import { resolveConfig } from "../config/resolve-config.ts";
import { deriveTopology } from "../config/topology.ts";
import type { LocalTopicConfig, MailConfig } from "../config/types.ts";
import { MailweirError } from "../errors.ts";
import { parseDomain } from "../mail/address.ts";
import { validateCidr } from "../receipt/ip-filter.ts";
import type { ReceiptAction, ReceiptRule, RuleSet } from "../receipt/model.ts";
import { findRuleFaults } from "../receipt/validate-rule.ts";
import type { Account } from "./account.ts";

/** An account's receiving as a configuration, and what the configuration alone does not hold. */
export interface Adoption {
  readonly config: MailConfig & { readonly ruleSet: RuleSet };
  /** Lambda functions that the rules call: on this machine a module has to stand for each. */
  readonly functions: readonly AdoptedFunction[];
  readonly gaps: readonly Gap[];
}

export interface AdoptedFunction {
  readonly arn: string;
  /** Its key in `local.functions`: the name, or the ARN where the name alone would be taken for another function. */
  readonly key: string;
  /** Relative to the configuration file. */
  readonly module: string;
  /** Its answer steers the rules. */
  readonly synchronous: boolean;
}

/** Something that the configuration cannot say, or that has to be provided on this machine. */
export interface Gap {
  readonly code: GapCode;
  /** `differs`: mail is treated otherwise than by SES until somebody acts. `provide`: it works once that is done. `note`: good to know. */
  readonly severity: "differs" | "provide" | "note";
  /** What it is about: a rule, an ARN, a name. */
  readonly at: string;
  readonly what: string;
  readonly fix: string;
}

export type GapCode =
  | "rule-not-expressed"
  | "filter-not-expressed"
  | "filter-names"
  | "function"
  | "topic"
  | "bucket"
  | "key"
  | "role"
  | "unverified-identity"
  | "email-identity"
  | "other-rule-set"
  | "not-active"
  | "derived-by-mailweir"
  | "work-mail"
  | "connect"
  | "not-readable"
  | "account-id";

/** There is nothing to make a configuration of. */
export class AdoptError extends MailweirError {
  readonly code = "ERR_ADOPT";
  readonly retryable = false;
}

/** Where the modules lie that stand for the account's functions. */
export const functionFolder = "local-functions";

/**
 * A configuration under which this machine receives as the account does: the same rules, conditions, actions, filters and
 * verified domains. Pure.
 *
 * @throws {AdoptError} when no rule set is active, or no domain is verified
 */
export function adoptAccount(account: Account): Adoption {
  const { ruleSet, region } = account;
  if (!ruleSet) throw new AdoptError(noRuleSet(account));
  if (!receivingRegions.some((known) => known === region)) {
    throw new AdoptError(`SES does not receive mail in ${region}: name the region of the rules with --region`);
  }
  const domains = verifiedDomains(account);
  if (domains.length === 0) {
    throw new AdoptError(
      `No domain is verified with SES in ${region}, so it accepts no mail there: verify one, or name the right --region`,
    );
  }
  const rules: ReceiptRule[] = [];
  const gaps: Gap[] = account.unreadable.map(({ rule, reason }) => notExpressed(rule, reason));
  for (const rule of ruleSet.rules) {
    const fault = findRuleFaults(rule)[0];
    if (fault) gaps.push(notExpressed(rule.name, fault.message));
    else rules.push(rule);
  }
  const filters = (account.ipFilters ?? []).filter(({ name, cidr }) => {
    const fault = validateCidr(cidr);
    if (fault) {
      gaps.push({
        code: "filter-not-expressed",
        severity: "differs",
        at: name,
        what: `The IP filter is left out: ${fault.message}.`,
        fix: "Write what it means into ipFilters.",
      });
    }
    return !fault;
  });
  const functions = adoptFunctions(rules);
  const topics = adoptTopics(account, rules, functions);
  const local = {
    ...(functions.length > 0 && {
      functions: Object.fromEntries(functions.map(({ key, module }) => [key, `./${module}`])),
    }),
    ...(Object.keys(topics).length > 0 && { topics }),
  };
  const config: Adoption["config"] = {
    domains,
    region: receivingRegions.find((known) => known === region) ?? region,
    ...(filters.length > 0 && {
      ipFilters: filters.map(({ policy, cidr }) => (policy === "Allow" ? { allow: cidr } : { block: cidr })),
    }),
    ruleSet: { name: ruleSet.name, rules },
    ...(Object.keys(local).length > 0 && { local }),
  };
  return {
    config,
    functions,
    gaps: [
      ...gaps,
      ...findDerived(account, rules),
      ...findSets(account),
      ...findFunctionGaps(account, functions),
      ...findResources(account, rules, functions),
      ...findIdentities(account),
      ...(account.ipFilters ? [] : [filtersUnknown]),
      ...(filters.length > 0 ? [filterNames(filters.map(({ name }) => name))] : []),
    ],
  };
}

function noRuleSet({ region, ruleSetNames }: Account): string {
  const others =
    ruleSetNames.length === 0
      ? "and there is no rule set at all: name another region with --region"
      : `name one to import with --rule-set: ${some(ruleSetNames, 10)}`;
  return `No receipt rule set is active in ${region}, so the account receives nothing there; ${others}`;
}

function verifiedDomains({ identities }: Account): string[] {
  return identities
    .filter(({ name, status }) => !name.includes("@") && status === "Success" && parseDomain(name) !== undefined)
    .map(({ name }) => name.toLowerCase())
    .sort();
}

const notExpressed = (rule: string, reason: string): Gap => ({
  code: "rule-not-expressed",
  severity: "differs",
  at: `rule "${rule}"`,
  what: `The rule is left out, because it cannot be written down here: ${reason}.`,
  fix: "Write a rule that does what it is for at this place of ruleSet.rules.",
});

/** Names of the pipeline's own functions: a key that is one of them would replace that function. */
const pipelineFunctions = new Set(
  deriveTopology(resolveConfig({ domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } }))
    .functions.map(({ name }) => name)
    .concat("work-own"),
);

function adoptFunctions(rules: readonly ReceiptRule[]): AdoptedFunction[] {
  const synchronous = new Map<string, boolean>();
  for (const action of rules.flatMap(({ actions }) => actions)) {
    if (action.type !== "Lambda") continue;
    const sync = action.invocationType === "RequestResponse";
    synchronous.set(action.functionArn, (synchronous.get(action.functionArn) ?? false) || sync);
  }
  const arns = [...synchronous.keys()].sort().filter((arn) => !isPipelineFunction(arn));
  const nameOf = (arn: string) => arn.split(":")[6] ?? arn;
  // An alias or version is another ARN of the same function.
  const bare = (arn: string) => arn.split(":").slice(0, 7).join(":");
  const owners = new Map<string, Set<string>>();
  for (const arn of arns) owners.set(nameOf(arn), (owners.get(nameOf(arn)) ?? new Set()).add(bare(arn)));
  const adopted = new Map<string, AdoptedFunction>();
  for (const arn of arns) {
    const name = nameOf(arn);
    const byName = owners.get(name)?.size === 1 && !pipelineFunctions.has(name);
    const key = byName ? name : arn;
    const file = byName ? name : `${name}-${arn.split(":").slice(3, 5).join("-")}`;
    adopted.set(key, {
      arn: byName ? bare(arn) : arn,
      key,
      module: `${functionFolder}/${file}.mjs`,
      synchronous: (adopted.get(key)?.synchronous ?? false) || synchronous.get(arn) === true,
    });
  }
  return [...adopted.values()];
}

/** An engine's own rules name its own functions, which are there without being asked for. */
function isPipelineFunction(arn: string): boolean {
  return [...pipelineFunctions].some((name) => localNames(arn.split(":")[3] ?? "").functionArn(name) === arn);
}

const localNames = (region: string) => resourceNames("mailweir", region, "000000000000");

function findDerived({ ruleSet }: Account, rules: readonly ReceiptRule[]): Gap[] {
  const ours = rules.filter(({ actions }) =>
    actions.some(
      (action) => action.type === "Lambda" && /:function:mailweir-(?:[a-z0-9-]+-)?journal$/.test(action.functionArn),
    ),
  );
  if (ours.length === 0) return [];
  return [
    {
      code: "derived-by-mailweir",
      severity: "differs",
      at: `rule set "${ruleSet?.name ?? ""}"`,
      what: "Mailweir derived these rules from a configuration; its streams, workers and policies are not in the account.",
      fix: "Use that configuration. This one has the rules only.",
    },
  ];
}

function findSets({ ruleSet, activeName, ruleSetNames }: Account): Gap[] {
  const others = ruleSetNames.filter((name) => name !== ruleSet?.name);
  return [
    ...(ruleSet && ruleSet.name !== activeName
      ? [
          {
            code: "not-active",
            severity: "note",
            at: `rule set "${ruleSet.name}"`,
            what:
              activeName === undefined ? "No set is active in the account." : `The account has "${activeName}" active.`,
            fix: "Nothing, if this is the set that you meant.",
          } as const,
        ]
      : []),
    ...others.map(
      (name): Gap => ({
        code: "other-rule-set",
        severity: "note",
        at: `rule set "${name}"`,
        what: name === activeName ? "It is the active one." : "It is not active, and was not read.",
        fix: `mailweir import --from-aws --rule-set ${name}`,
      }),
    ),
  ];
}

function findFunctionGaps({ functions: looked }: Account, functions: readonly AdoptedFunction[]): Gap[] {
  return functions.flatMap(({ arn, module, synchronous }): Gap[] => {
    const found = looked[arn];
    return [
      {
        code: "function",
        severity: "provide",
        at: arn,
        what: synchronous
          ? `The rules wait for its answer. ${module} stands for it and answers CONTINUE.`
          : `The rules call it. ${module} stands for it and does nothing.`,
        fix: "Import the function's code there.",
      },
      ...(found?.kind === "missing"
        ? [
            {
              code: "function",
              severity: "note",
              at: arn,
              what: "It is not there in the account: SES's calls fail.",
              fix: "Remove the action, or make the function.",
            } as const,
          ]
        : []),
    ];
  });
}

/**
 * The topics that rules name, by their names, with those subscribers that are here too: functions that the rules call as well.
 * Two topics of one name in different accounts are one here.
 */
function adoptTopics(
  { topics: looked, region }: Account,
  rules: readonly ReceiptRule[],
  functions: readonly AdoptedFunction[],
): Readonly<Record<string, LocalTopicConfig>> {
  const own = localNames(region).noticeTopicArn;
  const arns = rules.flatMap(({ actions }) => actions.flatMap((action) => topicOf(action) ?? []));
  const topics: Record<string, LocalTopicConfig> = {};
  for (const arn of [...new Set(arns)].sort()) {
    const name = arn.split(":")[5] ?? "";
    if (arn === own || !isTopicName(name)) continue;
    const found = looked[arn];
    const subscribers = found?.kind === "found" ? found.subscriptions : [];
    const called = functions.filter((each) => subscribers.some((subscriber) => isFunction(subscriber, each)));
    const keys = [...new Set([...(topics[name]?.functions ?? []), ...called.map(({ key }) => key)])];
    topics[name] = keys.length > 0 ? { functions: keys } : {};
  }
  return topics;
}

/** What `local.topics` takes: a FIFO topic, which is no target of SES anyway, and names beyond 76 have no place there. */
function isTopicName(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,76}$/.test(name);
}

function isFunction(
  { protocol, endpoint }: { readonly protocol: string; readonly endpoint: string },
  { arn }: AdoptedFunction,
): boolean {
  return protocol === "lambda" && (endpoint === arn || endpoint.startsWith(`${arn}:`));
}

function findResources(account: Account, rules: readonly ReceiptRule[], functions: readonly AdoptedFunction[]): Gap[] {
  const gaps: Gap[] = [];
  const seen = new Set<string>();
  const once = (gap: Gap) => {
    const key = `${gap.code} ${gap.at}`;
    if (!seen.has(key)) gaps.push(gap);
    seen.add(key);
  };
  const known = localNames(account.region).noticeTopicArn;
  for (const { name, actions } of rules) {
    for (const action of actions) {
      const topicArn = topicOf(action);
      if (topicArn !== undefined && topicArn !== known) once(topicGap(account, topicArn, functions));
      if (action.type === "S3") for (const gap of storeGaps(account, action)) once(gap);
      if (action.type === "WorkMail") {
        once({
          code: "work-mail",
          severity: "differs",
          at: `rule "${name}"`,
          what: "WorkMail's mailboxes are not here: the action delivers to Maildirs of this machine, named for the recipients.",
          fix: "Nothing; and think of 31 March 2027, when AWS ends WorkMail.",
        });
      }
      if (action.type === "Connect") {
        once({
          code: "connect",
          severity: "differs",
          at: `rule "${name}"`,
          what: "Amazon Connect is not here: that the action ran is recorded, and no contact is started.",
          fix: "Nothing can stand for it on this machine.",
        });
      }
    }
  }
  for (const [what, looked] of Object.entries({
    ...account.buckets,
    ...account.keys,
    ...account.topics,
    ...account.functions,
  })) {
    if (looked.kind !== "unknown") continue;
    once({
      code: "not-readable",
      severity: "note",
      at: what,
      what: `It could not be looked at (${looked.reason}), so nothing is said about its policy or whether it is there.`,
      fix: "Nothing is needed for the import; docs/import.md lists the permissions.",
    });
  }
  return gaps;
}

function topicGap({ topics }: Account, topicArn: string, functions: readonly AdoptedFunction[]): Gap {
  if (!isTopicName(topicArn.split(":")[5] ?? "")) {
    return {
      code: "topic",
      severity: "differs",
      at: topicArn,
      what: "A topic of this name cannot be here: actions that publish to it fail.",
      fix: "Name another topic in the rule.",
    };
  }
  const found = topics[topicArn];
  const subscriptions = found?.kind === "found" ? found.subscriptions : undefined;
  const away = (subscriptions ?? []).filter((each) => !functions.some((known) => isFunction(each, known)));
  if (subscriptions && away.length === 0) {
    return {
      code: "topic",
      severity: "note",
      at: topicArn,
      what:
        subscriptions.length === 0
          ? "Nobody listens to it."
          : "Who listens to it is here: functions that the rules call too.",
      fix: "Nothing.",
    };
  }
  const hears = away.map(({ protocol, endpoint }) => `${protocol} ${endpoint}`);
  return {
    code: "topic",
    severity: "provide",
    at: topicArn,
    what: hears.length > 0 ? `Who listens to it is not here: ${some(hears)}.` : "Who listens to it is not known.",
    fix: "Subscribe queues or functions of this machine to it in local.topics (docs/own-rules.md).",
  };
}

function storeGaps(
  { region }: Account,
  { bucketName, kmsKeyArn, iamRoleArn }: Extract<ReceiptAction, { type: "S3" }>,
): Gap[] {
  return [
    {
      code: "bucket",
      severity: "note",
      at: bucketName,
      what: "Its objects stay where they are: the engine makes an empty bucket of this name in the data folder.",
      fix: "Nothing is needed for new mail.",
    },
    ...(kmsKeyArn !== undefined
      ? [
          {
            code: "key",
            severity: "note",
            at: kmsKeyArn,
            what: `The key stays in AWS: what is stored here is encrypted with a key of the data folder under the same ARN (${region}).`,
            fix: "Nothing is needed for new mail; mailweir decrypt --kms opens what SES encrypted.",
          } as const,
        ]
      : []),
    ...(iamRoleArn !== undefined
      ? [
          {
            code: "role",
            severity: "note",
            at: iamRoleArn,
            what: "There are no roles on this machine: the action needs none.",
            fix: "Nothing.",
          } as const,
        ]
      : []),
  ];
}

function findIdentities({ identities }: Account): Gap[] {
  return identities.flatMap(({ name, status }): Gap[] => {
    if (name.includes("@")) {
      return [
        {
          code: "email-identity",
          severity: "note",
          at: name,
          what: "An address that is verified by itself may send bounces, but does not make its domain receive.",
          fix: "If a bounce's sender is this address, add its domain to domains.",
        },
      ];
    }
    if (status === "Success") return [];
    return [
      {
        code: "unverified-identity",
        severity: "note",
        at: name,
        what: `The domain is not verified (${status}), so SES refuses its mail, and so does this configuration.`,
        fix: "Verify it with SES, and add it to domains.",
      },
    ];
  });
}

const filtersUnknown: Gap = {
  code: "not-readable",
  severity: "note",
  at: "IP filters",
  what: "The endpoint does not answer for IP filters.",
  fix: "Write them into ipFilters, if there are any.",
};

function filterNames(names: readonly string[]): Gap {
  return {
    code: "filter-names",
    severity: "note",
    at: "ipFilters",
    what: `Names of IP filters are not kept (${some(names)}); in a configuration they are counted.`,
    fix: "Nothing.",
  };
}

function topicOf(action: ReceiptAction): string | undefined {
  return "topicArn" in action ? action.topicArn : undefined;
}
