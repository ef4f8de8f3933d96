import { Refusal } from "./refusal.ts";

/** One member of a request: a text, or what is nested in it. */
export interface QueryNode {
  value?: string;
  readonly members: Map<string, QueryNode>;
}

export const maxBodyBytes = 1_048_576;
const maxMembers = 10_000;
const maxNameLength = 200;
const maxDepth = 10;

/**
 * Reads a body of AWS's Query protocol: `Rule.Actions.member.1.S3Action.BucketName=…` becomes nested members.
 *
 * @throws {Refusal} when it is larger or deeper than any request can be
 */
export function parseQueryRequest(body: string): QueryNode {
  if (body.length > maxBodyBytes) throw malformed("the request is too large");
  const root = emptyNode();
  let count = 0;
  for (const [name, value] of new URLSearchParams(body)) {
    count += 1;
    if (count > maxMembers) throw malformed("the request has too many members");
    const path = name.length <= maxNameLength ? name.split(".") : [];
    if (path.length === 0 || path.length > maxDepth) throw malformed("a member's name is too long or too deep");
    let node = root;
    for (const part of path) {
      const next = node.members.get(part) ?? emptyNode();
      node.members.set(part, next);
      node = next;
    }
    node.value = value;
  }
  return root;
}

export function textOf(node: QueryNode, name: string): string | undefined {
  return node.members.get(name)?.value;
}

/** A structure is there as soon as one of its members is. */
export function structureOf(node: QueryNode, name: string): QueryNode | undefined {
  return node.members.get(name);
}

/** The elements of `Name.member.N` in the order of N; `Name=` is the empty list. */
export function listOf(node: QueryNode, name: string): QueryNode[] {
  const members = node.members.get(name)?.members.get("member")?.members ?? new Map<string, QueryNode>();
  return [...members]
    .filter(([index]) => /^[1-9][0-9]{0,5}$/.test(index))
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, element]) => element);
}

export const textsOf = (node: QueryNode, name: string): string[] =>
  listOf(node, name).map((element) => element.value ?? "");

/** @throws {Refusal} for anything but true and false */
export function booleanOf(node: QueryNode, name: string): boolean | undefined {
  const text = textOf(node, name);
  if (text === undefined) return undefined;
  if (text === "true" || text === "false") return text === "true";
  throw new Refusal("MalformedInput", `${text} is no boolean`);
}

/** @throws {Refusal} for anything but an ISO 8601 time with a zone, or seconds since 1970 */
export function dateOf(node: QueryNode, name: string): Date | undefined {
  const text = textOf(node, name);
  if (text === undefined) return undefined;
  const seconds = /^[0-9]{1,11}(?:\.[0-9]{1,9})?$/.test(text);
  const iso =
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})$/.test(text);
  const date = seconds ? new Date(Number(text) * 1_000) : new Date(iso ? text : Number.NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw new Refusal("MalformedInput", "timestamp must follow ISO8601");
}

const emptyNode = (): QueryNode => ({ members: new Map() });
const malformed = (message: string) => new Refusal("MalformedQueryString", message);
