import type { Allowance } from "./account.ts";

export interface ServiceCall {
  /** `ses.amazonaws.com` */
  readonly service: string;
  /** `s3:PutObject` */
  readonly action: string;
  /** What is called: an object, a topic, a function. */
  readonly resource: string;
  readonly sourceAccount?: string;
  /** The receipt rule. */
  readonly sourceArn: string;
}

/**
 * Whether a resource policy lets a service make a call, as far as it can be said from the policy alone: principals, actions
 * and the conditions that SES's guides use (ses-receiving.md §8). A Deny that applies wins; a condition that we cannot
 * evaluate makes the answer `unsure`.
 *
 * @param policy - the policy's JSON text
 */
export function allowsService(policy: string, call: ServiceCall): Allowance {
  let document: unknown;
  try {
    document = JSON.parse(policy);
  } catch {
    return "unsure";
  }
  const statements = listOf(recordOf(document)["Statement"]).map(recordOf);
  const applying = statements
    .filter((statement) => concerns(statement, call))
    .map((statement) => ({ effect: statement["Effect"], applies: holds(statement, call) }));
  const of = (effect: string, applies: Allowance) =>
    applying.some((statement) => statement.effect === effect && statement.applies === applies);
  if (of("Deny", "yes")) return "no";
  if (of("Allow", "yes")) return of("Deny", "unsure") ? "unsure" : "yes";
  return of("Allow", "unsure") ? "unsure" : "no";
}

function concerns(statement: Fields, { service, action, resource }: ServiceCall): boolean {
  return (
    ("NotPrincipal" in statement || concernsPrincipal(statement, service)) &&
    ("NotAction" in statement || anyMatches(statement["Action"], action, true)) &&
    (statement["Resource"] === undefined || anyMatches(statement["Resource"], resource, false))
  );
}

/** What a statement leaves out instead of naming is not evaluated. */
function holds(statement: Fields, call: ServiceCall): Allowance {
  const inverted = ["NotPrincipal", "NotAction", "NotResource"].some((name) => name in statement);
  const answer = conditionsHold(recordOf(statement["Condition"]), call);
  return inverted && answer === "yes" ? "unsure" : answer;
}

function concernsPrincipal(statement: Fields, service: string): boolean {
  const principal = statement["Principal"];
  if (principal === "*") return true;
  const named = recordOf(principal);
  return listOf(named["Service"]).includes(service) || listOf(named["AWS"]).includes("*");
}

function anyMatches(patterns: unknown, value: string, ignoreCase: boolean): boolean {
  return listOf(patterns).some((pattern) => typeof pattern === "string" && matches(pattern, value, ignoreCase));
}

/** Every operator and key must hold; negated ones hold when none of their values is met. */
function conditionsHold(conditions: Fields, call: ServiceCall): Allowance {
  let unsure = false;
  for (const [operator, pairs] of Object.entries(conditions)) {
    for (const [key, wanted] of Object.entries(recordOf(pairs))) {
      const value = conditionValue(key, call);
      const test = operators[operator.toLowerCase()];
      if (value === undefined || test === undefined) {
        unsure = true;
        continue;
      }
      const met = listOf(wanted).some((pattern) => test.meets(String(pattern), value));
      if (met === test.negated) return "no";
    }
  }
  return unsure ? "unsure" : "yes";
}

const exactly = (pattern: string, value: string) => pattern === value;
const like = (pattern: string, value: string) => matches(pattern, value, false);

const operators: Readonly<
  Record<string, { readonly meets: (pattern: string, value: string) => boolean; readonly negated: boolean }>
> = {
  stringequals: { meets: exactly, negated: false },
  stringlike: { meets: like, negated: false },
  arnequals: { meets: like, negated: false },
  arnlike: { meets: like, negated: false },
  stringnotequals: { meets: exactly, negated: true },
  stringnotlike: { meets: like, negated: true },
  arnnotequals: { meets: like, negated: true },
  arnnotlike: { meets: like, negated: true },
};

/** Condition keys are compared without case. Before 2021 SES's guide used aws:Referer for the account. */
function conditionValue(key: string, { sourceAccount, sourceArn }: ServiceCall): string | undefined {
  switch (key.toLowerCase()) {
    case "aws:sourceaccount":
    case "aws:sourceowner":
    case "aws:referer":
      return sourceAccount;
    case "aws:sourcearn":
      return sourceArn;
    default:
      return undefined;
  }
}

function matches(pattern: string, value: string, ignoreCase: boolean): boolean {
  const source = pattern
    .replace(/[\\^$+.()|[\]{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, ignoreCase ? "is" : "s").test(value);
}

type Fields = Readonly<Record<string, unknown>>;

function recordOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
