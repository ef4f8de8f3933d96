import type { ApiError } from "./api-error.ts";

const pattern = "^[a-zA-Z0-9_.-]+$";
const allowed = /^[a-zA-Z0-9_.-]+$/;
const maxNameLength = 64;

/**
 * What the SES API says of the name of a rule set or rule (ses-receiving.md §9.3); `undefined` for a good one.
 *
 * @param member - the request member in the words of the API's messages: `ruleSetName`, `rule.name`, `after`, …
 * @param kind - how the second message calls it
 */
export function validateName(
  name: string | undefined,
  member: string,
  kind: "ruleSetName" | "ruleName" = "ruleSetName",
): ApiError | undefined {
  const problems = nameProblems(name, member);
  if (problems.length > 0) return validationError(problems);
  const good = name !== undefined && isWellFormed(name);
  return good ? undefined : { code: "InvalidParameterValue", message: `Not a valid ${kind}: ${name}` };
}

/** What is wrong with a name at protocol level, to be joined with other such problems by `validationError`. */
export function nameProblems(name: string | undefined, member: string): string[] {
  if (name === undefined) return [notNull(member)];
  const empty = `Value at '${member}' failed to satisfy constraint: Member must have length greater than or equal to 1`;
  return [...(name === "" ? [empty] : []), ...(allowed.test(name) ? [] : [mustMatch(member)])];
}

/** As `validateName`, for the name of an IP filter. */
export function validateFilterName(name: string | undefined): ApiError | undefined {
  if (name === undefined) return validationError([notNull("filter.name")]);
  if (name === "") return { code: "InvalidParameterValue", message: "filterName must not be empty" };
  const good = allowed.test(name) && isWellFormed(name);
  return good ? undefined : { code: "InvalidParameterValue", message: `Not a valid filterName: ${name}` };
}

/** Protocol-level refusals, counted and joined as the API does. */
export function validationError(problems: readonly string[], at?: string): ApiError | undefined {
  if (problems.length === 0) return undefined;
  const count = problems.length === 1 ? "1 validation error" : `${problems.length} validation errors`;
  const message = `${count} detected: ${problems.join("; ")}`;
  return { code: "ValidationError", message, ...(at !== undefined && { at }) };
}

export const notNull = (member: string) => `Value at '${member}' failed to satisfy constraint: Member must not be null`;

export const notInSet = (member: string, values: readonly string[]) =>
  `Value at '${member}' failed to satisfy constraint: Member must satisfy enum value set: [${values.join(", ")}]`;

const mustMatch = (member: string) =>
  `Value at '${member}' failed to satisfy constraint: Member must satisfy regular expression pattern: ${pattern}`;

function isWellFormed(name: string): boolean {
  return name.length <= maxNameLength && /^[a-zA-Z0-9]/.test(name) && /[a-zA-Z0-9]$/.test(name);
}
