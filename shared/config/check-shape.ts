import type { z } from "zod";
import { type ConfigFault, didYouMean } from "./config-error.ts";
import { configSchema, exampleValues, knownKeys } from "./config-schema.ts";
import { secretSources } from "./secret-source.ts";

export interface ShapeFindings {
  readonly faults: readonly ConfigFault[];
  /** Where the faults are, as paths. */
  readonly unsound: readonly (readonly PropertyKey[])[];
}

/** Every fault in the configuration's shape, each with its place, what is allowed, and a guess at what was meant. */
export function checkShape(input: unknown): ShapeFindings {
  const result = configSchema.safeParse(input);
  const issues = result.success ? [] : result.error.issues;
  return {
    faults: issues.flatMap((issue) => toFaults(issue, input, [])),
    unsound: issues.flatMap((issue) =>
      issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
    ),
  };
}

type Issue = z.core.$ZodIssue;

function toFaults(issue: Issue, input: unknown, before: readonly PropertyKey[]): ConfigFault[] {
  const path = [...before, ...issue.path];
  const at = place(path);
  const found = valueAt(input, path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => {
        const allowed = keysAt(path);
        const suggestion = didYouMean(key, allowed);
        return {
          at: place([...path, key]),
          problem: `there is no setting "${key}" here`,
          ...(allowed.length > 0 && { allowed: allowed.join(", ") }),
          ...(suggestion !== undefined && { suggestion }),
        };
      });
    case "invalid_value": {
      const allowed = issue.values.map(String);
      const suggestion = typeof found === "string" ? didYouMean(found, allowed) : undefined;
      return [
        {
          at,
          problem: found === undefined ? "is missing" : `${show(found)} is not possible here`,
          allowed: allowed.join(", "),
          ...(suggestion !== undefined && { suggestion }),
        },
      ];
    }
    case "invalid_union": {
      if (isChoice(path) && typeof found === "object" && found !== null) return choiceFaults(path, Object.keys(found));
      const expected = issue.errors.flatMap(([only, ...more]) =>
        only?.code === "invalid_type" && only.path.length === 0 && more.length === 0 ? [only.expected] : [],
      );
      if (expected.length > 0 && expected.length === issue.errors.length) {
        return [{ at, problem: `is ${show(found)}`, allowed: kindAt(path, ...new Set(expected)) }];
      }
      // The branch that came furthest is the one the writer meant.
      const best = [...issue.errors].sort((a, b) => rank(b) - rank(a))[0];
      return best && best.length > 0
        ? best.flatMap((inner) => toFaults(inner, input, path))
        : [
            {
              at,
              problem: found === undefined ? "is missing" : `${show(found)} is not possible here`,
              ...unionWords(path, found),
            },
          ];
    }
    case "invalid_key":
      return [{ at, problem: "this name is not possible here", ...unionWords(path) }];
    case "invalid_type":
      return [
        {
          at,
          problem: found === undefined ? "is missing" : `is ${show(found)}`,
          allowed: kindAt(path, issue.expected),
        },
      ];
    case "too_small":
      return [{ at, problem: `${show(found)} is too small or empty`, allowed: `at least ${issue.minimum}` }];
    case "too_big":
      return [{ at, problem: `${show(found)} is too large`, allowed: `at most ${issue.maximum}` }];
    default:
      return [{ at, problem: issue.message }];
  }
}

/** The kind, with an example where the setting has one. */
function kindAt(path: readonly PropertyKey[], ...expected: readonly string[]): string {
  const kinds = expected.join(" or ");
  const example = exampleValues[starred(path)];
  return example === undefined ? kinds : `${kinds}, for example ${example}`;
}

/** Where exactly one of several words has to stand: where a secret is kept. */
function isChoice(path: readonly PropertyKey[]): boolean {
  return keysAt(path).join() === secretSources.join();
}

function choiceFaults(path: readonly PropertyKey[], found: readonly string[]): ConfigFault[] {
  const words = keysAt(path);
  const unknown = found.filter((key) => !words.includes(key));
  const allowed = `one of ${words.map((word) => `{ ${word}: "…" }`).join(", ")}`;
  if (unknown.length > 0) {
    return unknown.map((key) => {
      const suggestion = didYouMean(key, words);
      return {
        at: place([...path, key]),
        problem: `there is no setting "${key}" here`,
        allowed,
        ...(suggestion !== undefined && { suggestion }),
      };
    });
  }
  const problem =
    found.length === 1
      ? `"${found[0]}" holds no name`
      : found.length === 0
        ? "names no place"
        : `names ${found.join(" and ")} at once`;
  return [{ at: place(path), problem, allowed }];
}

/** Prefers the branch with the fewest complaints, and among those the one that complains deepest or of a value. */
function rank(issues: readonly Issue[]): number {
  const depth = Math.max(0, ...issues.map((issue) => issue.path.length));
  const valueIssue = issues.some((issue) => issue.code === "invalid_value") ? 1 : 0;
  const keyIssue = issues.some((issue) => issue.code === "unrecognized_keys") ? 0.5 : 0;
  return depth * 4 + valueIssue + keyIssue - issues.length;
}

function unionWords(path: readonly PropertyKey[], found?: unknown): { allowed?: string; suggestion?: string } {
  const words = keysAt(path);
  const suggestion = typeof found === "string" ? didYouMean(found, words) : undefined;
  return words.length > 0 ? { allowed: words.join(", "), ...(suggestion !== undefined && { suggestion }) } : {};
}

function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const exact = path.map(String).join(".");
  return knownKeys[exact] ?? knownKeys[starred(path)] ?? [];
}

/** `streams.*.recipients`: names of the user's do not count. */
function starred(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (isName(path, index) ? "*" : String(part))).join(".");
}

/** Numbers are list places; what follows `streams`, `stages`, `delivery` or `scanners` is a name of the user's. */
function isName(path: readonly PropertyKey[], index: number): boolean {
  return (
    typeof path[index] === "number" ||
    ["streams", "stages", "delivery", "scanners", "lists", "webhooks", "sinks", "buckets", "topics", "queues"].includes(
      String(path[index - 1] ?? ""),
    )
  );
}

/** `streams.invoices.recipients[0]`; names that are no identifiers are quoted. */
export function place(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(String(part))) text += text === "" ? String(part) : `.${String(part)}`;
    else text += `[${JSON.stringify(String(part))}]`;
  }
  return text === "" ? "the configuration" : text;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value === null) return "null";
  return typeof value === "object" || typeof value === "function" ? `a ${typeof value}` : String(value);
}
