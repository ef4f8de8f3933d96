/** The part of CloudFormation's template language that we write. Values are plain objects, as osls takes them. */
export type Value =
  | string
  | number
  | boolean
  | Ref
  | GetAtt
  | Sub
  | readonly Value[]
  | { readonly [property: string]: Value | undefined };

export interface Ref {
  readonly Ref: string;
}
export interface GetAtt {
  readonly "Fn::GetAtt": readonly [logicalId: string, attribute: string];
}
export interface Sub {
  readonly "Fn::Sub": string;
}

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, Value | undefined>>;
  readonly DependsOn?: readonly string[];
  /** `RetainExceptOnCreate`: it stays when the stack goes, but not when its creation failed. */
  readonly DeletionPolicy?: "RetainExceptOnCreate" | "Delete";
  readonly UpdateReplacePolicy?: "Retain" | "Delete";
}

/** By logical id. */
export type Resources = Readonly<Record<string, Resource>>;

export interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: Value;
  readonly Action: readonly string[];
  /** A role's trust has none. */
  readonly Resource?: Value;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, Value>>>>;
}

export const ref = (logicalId: string): Ref => ({ Ref: logicalId });
export const getAtt = (logicalId: string, attribute: string): GetAtt => ({ "Fn::GetAtt": [logicalId, attribute] });
/** Text with `${AWS::AccountId}`, `${Queue.Arn}` and so on in it. */
export const sub = (text: string): Sub => ({ "Fn::Sub": text });

/** What stands for the account's id until CloudFormation knows it. */
export const accountId = "${AWS::AccountId}";

/** Text that may name the account: `Fn::Sub` only where there is something to fill in, since linters object to others. */
export const text = (value: string): string | Sub => (value.includes("${") ? sub(value) : value);

export function policyDocument(statements: readonly Statement[]): Value {
  return { Version: "2012-10-17", Statement: statements.map((statement) => ({ ...statement })) };
}

/** A logical id from words: `stream-invoices`, `dlq` → `StreamInvoicesDlq`. A hyphen before a digit is written out. */
export function logicalId(...words: readonly string[]): string {
  return words
    .join("-")
    .replaceAll(/-(?=\d|-)/g, "-Dash-")
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}

/** One template's resources from its parts. Two parts that claim one logical id are a mistake in infra/, never merged. */
export function joinResources(parts: readonly Resources[]): Resources {
  const all = new Map<string, Resource>();
  for (const [id, resource] of parts.flatMap((part) => Object.entries(part))) {
    if (all.has(id)) throw new Error(`two resources are called ${id}`);
    all.set(id, resource);
  }
  return Object.fromEntries(all);
}

/** The logical id that osls gives a function: hyphens and underscores are written out, the first letter raised. */
export function functionLogicalId(name: string): string {
  const spelt = name.replaceAll("-", "Dash").replaceAll("_", "Underscore");
  return `${spelt.charAt(0).toUpperCase()}${spelt.slice(1)}LambdaFunction`;
}
