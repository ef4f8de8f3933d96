/**
 * A configuration as the TypeScript file that a user goes on with.
 *
 * @param config - plain data
 * @param options - `defineMail`: how the file imports it; `comment`: lines that stand on top
 */
export function writeConfig(
  config: object,
  { defineMail, comment }: { readonly defineMail: string; readonly comment: readonly string[] },
): string {
  return [
    `import { defineMail } from ${JSON.stringify(defineMail)};`,
    "",
    ...comment.map((line) => `// ${line.replace(/[\r\n\u2028\u2029]/g, " ")}`.trimEnd()),
    `export default defineMail(${literal(config, "")});`,
    "",
  ].join("\n");
}

const width = 120;

/** As the project's formatter writes it: on one line what fits, names without quotes where they need none. */
function literal(value: unknown, indent: string): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  const items = Array.isArray(value)
    ? value.map((item) => literal(item, inner))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => `${propertyName(key)}: ${literal(item, inner)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (items.length === 0) return open + close;
  const pad = Array.isArray(value) ? "" : " ";
  const line = `${open}${pad}${items.join(", ")}${pad}${close}`;
  // Room for the name in front and the comma behind.
  if (!line.includes("\n") && indent.length + line.length < width - 24) return line;
  return `${open}\n${items.map((item) => `${inner}${item},\n`).join("")}${indent}${close}`;
}

function propertyName(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) && key !== "__proto__" ? key : JSON.stringify(key);
}
