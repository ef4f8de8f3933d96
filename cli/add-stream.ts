import { parse } from "@babel/parser";
import type { Expression, Node, ObjectExpression, ObjectProperty, Program } from "@babel/types";

/** A stream to be written into a configuration file. */
export interface NewStream {
  readonly name: string;
  readonly recipients: readonly string[];
  readonly work: NewStreamWork;
}

export type NewStreamWork =
  /** The exported name of the worker, and the module as the file imports it. */
  | { readonly kind: "worker"; readonly name: string; readonly module: string }
  | {
      readonly kind: "webhook";
      readonly url: string;
      /** The environment variable that holds the signing secret. */
      readonly secretEnv: string;
      readonly allowPrivate: readonly string[];
    };

export type AddedStream =
  | { readonly kind: "added"; readonly source: string }
  /** The file has a stream of this name. */
  | { readonly kind: "exists" }
  /** It is written in a way that only its author can change safely; `why` completes "because …". */
  | { readonly kind: "by-hand"; readonly why: string };

/**
 * Adds a stream to the source of a configuration: an import and a property, and not an octet elsewhere. Where the file does
 * not say plainly which object holds the streams, nothing is guessed.
 */
export function addStream(source: string, stream: NewStream): AddedStream {
  const byHand = (why: string): AddedStream => ({ kind: "by-hand", why });
  let program: Program;
  try {
    ({ program } = parse(source, { sourceType: "module", plugins: ["typescript"] }));
  } catch (error) {
    return byHand(`it cannot be read (${error instanceof Error ? error.message : String(error)})`);
  }
  const { work } = stream;
  if (work.kind === "worker" && topLevelNames(program).has(work.name)) {
    return byHand(`it uses the name ${work.name} for something else`);
  }
  const config = configOf(program);
  if (config === undefined) return byHand("its default export is not an object, nor defineMail of one");
  const { properties } = config;
  if (properties.some(({ type }) => type === "SpreadElement")) {
    // What is spread may hold streams too, and the later one of two wins.
    return byHand("its settings come partly from elsewhere (...)");
  }
  const found = properties.find((property) => nameOf(property) === "streams");
  const edits: Edit[] = work.kind === "worker" ? [importOf(source, program, importLine(work))] : [];
  const entry = streamProperty(stream);
  if (found === undefined)
    edits.push(...insert(source, config, `streams: {\n    ${indented(entry, "    ")},\n  }`, "  "));
  else {
    const value = found.type === "ObjectProperty" ? plain(found.value) : undefined;
    const streams = value?.type === "Identifier" ? plain(variable(program, value.name)) : value;
    if (streams?.type !== "ObjectExpression") return byHand("its streams are not written out as an object");
    if (streams.properties.some((property) => nameOf(property) === stream.name)) return { kind: "exists" };
    const indent = indentOf(source, streams);
    edits.push(...insert(source, streams, indented(entry, indent), indent));
  }
  return { kind: "added", source: apply(source, edits) };
}

/** The stream as a property of `streams`. */
export function streamProperty({ name, recipients, work }: NewStream): string {
  const listed = (texts: readonly string[]) => `[${texts.map((text) => JSON.stringify(text)).join(", ")}]`;
  if (work.kind === "worker") {
    return `${propertyName(name)}: { recipients: ${listed(recipients)}, worker: ${work.name} }`;
  }
  const { url, secretEnv, allowPrivate } = work;
  const lines = [
    `url: ${JSON.stringify(url)}`,
    `secretFrom: { env: ${JSON.stringify(secretEnv)} }`,
    ...(allowPrivate.length > 0 ? [`allowPrivate: ${listed(allowPrivate)}`] : []),
  ];
  return `${propertyName(name)}: {
  recipients: ${listed(recipients)},
  webhook: {
${lines.map((line) => `    ${line},`).join("\n")}
  },
}`;
}

export const importLine = ({ name, module }: Extract<NewStreamWork, { kind: "worker" }>) =>
  `import { ${name} } from ${JSON.stringify(module)};`;

const indented = (text: string, indent: string) => text.replaceAll("\n", `\n${indent}`);

interface Edit {
  readonly at: number;
  readonly text: string;
}

function apply(source: string, edits: readonly Edit[]): string {
  // From the end, so that no place moves before it was used.
  return edits
    .map((edit, index) => ({ ...edit, index }))
    .toSorted((a, b) => b.at - a.at || b.index - a.index)
    .reduce((text, { at, text: added }) => text.slice(0, at) + added + text.slice(at), source);
}

/** The object that the module exports: written there, in `defineMail(…)`, or in a constant of the file. */
function configOf(program: Program): ObjectExpression | undefined {
  const exported = program.body.find(({ type }) => type === "ExportDefaultDeclaration");
  if (exported?.type !== "ExportDefaultDeclaration") return undefined;
  let value = plain(exported.declaration);
  for (let hops = 0; hops < 4; hops++) {
    if (value?.type === "ObjectExpression") return value;
    if (value?.type === "Identifier") value = plain(variable(program, value.name));
    else if (value?.type === "CallExpression" && value.callee.type === "Identifier" && value.arguments.length === 1) {
      value = plain(value.arguments[0]);
    } else return undefined;
  }
  return undefined;
}

/** Without what only the compiler sees: `as const`, `satisfies …`, `!`, parentheses. */
function plain(node: Node | null | undefined): Node | undefined {
  switch (node?.type) {
    case "TSAsExpression":
    case "TSSatisfiesExpression":
    case "TSNonNullExpression":
    case "ParenthesizedExpression":
      return plain(node.expression);
    default:
      return node ?? undefined;
  }
}

function variable(program: Program, name: string): Expression | undefined {
  for (const statement of program.body) {
    const declared = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (declared?.type !== "VariableDeclaration" || declared.kind !== "const") continue;
    for (const { id, init } of declared.declarations) {
      if (id.type === "Identifier" && id.name === name) return init ?? undefined;
    }
  }
  return undefined;
}

function topLevelNames(program: Program): ReadonlySet<string> {
  const names = new Set<string>();
  for (const statement of program.body) {
    if (statement.type === "ImportDeclaration") for (const { local } of statement.specifiers) names.add(local.name);
    const declared = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (declared?.type === "VariableDeclaration") {
      for (const { id } of declared.declarations) if (id.type === "Identifier") names.add(id.name);
    } else if (declared?.type === "FunctionDeclaration" && declared.id) names.add(declared.id.name);
  }
  return names;
}

function nameOf(property: ObjectExpression["properties"][number]): string | undefined {
  if (property.type === "SpreadElement" || property.computed) return undefined;
  const { key } = property as ObjectProperty;
  if (key.type === "Identifier") return key.name;
  return key.type === "StringLiteral" ? key.value : undefined;
}

function importOf(source: string, program: Program, line: string): Edit {
  const newline = newlineOf(source);
  const last = program.body.findLast(({ type }) => type === "ImportDeclaration");
  if (typeof last?.end === "number") return { at: last.end, text: `${newline}${line}` };
  const first = program.interpreter ? (program.interpreter.end ?? 0) + newline.length : 0;
  return { at: first, text: `${line}${newline}${newline}` };
}

/** A property behind the others, a line of its own where they have such. */
function insert(source: string, object: ObjectExpression, text: string, indent: string): Edit[] {
  const newline = newlineOf(source);
  const close = (object.end ?? 0) - 1;
  const last = object.properties.at(-1);
  const lines = source.slice(object.start ?? 0, close).includes("\n") || text.includes("\n") || last === undefined;
  const property = text.replaceAll("\n", newline);
  const lastEnd = last?.end ?? undefined;
  const comma =
    lastEnd !== undefined && !hasComma(source, object, lastEnd) ? [{ at: lastEnd, text: "," }] : ([] satisfies Edit[]);
  if (!lines) return [...comma, { at: spaceBefore(source, close), text: ` ${property}` }];
  const lineStart = source.lastIndexOf("\n", close) + 1;
  const alone = /^[ \t]*$/.test(source.slice(lineStart, close)) && lineStart > (object.start ?? 0);
  if (alone) return [...comma, { at: lineStart, text: `${indent}${property},${newline}` }];
  return [
    ...comma,
    { at: spaceBefore(source, close), text: `${newline}${indent}${property},${newline}${indent.slice(2)}` },
  ];
}

/** Whether a comma stands behind the last property: comments, which may hold one too, are not looked at. */
function hasComma(source: string, object: ObjectExpression, lastEnd: number): boolean {
  const rest = source.slice(lastEnd, (object.end ?? 0) - 1);
  return rest.replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, "").includes(",");
}

function indentOf(source: string, object: ObjectExpression): string {
  const [first] = object.properties;
  const at = first?.start ?? undefined;
  const lineStart = source.lastIndexOf("\n", at ?? object.start ?? 0) + 1;
  const own = /^[ \t]*/.exec(source.slice(lineStart))?.[0] ?? "";
  const ownLine = at !== undefined && source.slice(lineStart, at).trim() === "";
  return ownLine ? own : `${own}  `;
}

function spaceBefore(source: string, at: number): number {
  let end = at;
  while (/[ \t\r\n]/.test(source[end - 1] ?? "")) end -= 1;
  return end;
}

const newlineOf = (source: string) => (/\r\n/.test(source) ? "\r\n" : "\n");

const propertyName = (name: string) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));
