import { describe, expect, test } from "vitest";
import { addStream, type NewStream } from "../../cli/add-stream.ts";

const invoices: NewStream = {
  ...{ name: "invoices", recipients: ["invoices@example.com"] },
  work: { kind: "worker", name: "invoicesWorker", module: "./streams/invoices.ts" },
};
const entry = `invoices: { recipients: ["invoices@example.com"], worker: invoicesWorker }`;
const line = `import { invoicesWorker } from "./streams/invoices.ts";`;
const define = `import { defineMail } from "mailweir";`;

describe("added, and nothing else changed", () => {
  test.for<[string, string, string]>([
    [
      "behind the others",
      `${define}\n\nexport default defineMail({\n  streams: {\n    ticket: { recipients: ["a@example.com"] },\n  },\n});\n`,
      `${define}\n${line}\n\nexport default defineMail({\n  streams: {\n    ticket: { recipients: ["a@example.com"] },\n    ${entry},\n  },\n});\n`,
    ],
    [
      "no comma behind the last one, and a comment with one",
      `${define}\nexport default defineMail({\n  streams: {\n    ticket: {} // first, second\n  }\n});\n`,
      `${define}\n${line}\nexport default defineMail({\n  streams: {\n    ticket: {}, // first, second\n    ${entry},\n  }\n});\n`,
    ],
    [
      "all on one line",
      `${define}\nexport default defineMail({ domains: ["example.com"], streams: { ticket: {} } });\n`,
      `${define}\n${line}\nexport default defineMail({ domains: ["example.com"], streams: { ticket: {}, ${entry} } });\n`,
    ],
    [
      "no streams at all",
      `${define}\nexport default defineMail({\n  domains: ["example.com"],\n});\n`,
      `${define}\n${line}\nexport default defineMail({\n  domains: ["example.com"],\n  streams: {\n    ${entry},\n  },\n});\n`,
    ],
    [
      "empty streams",
      `${define}\nexport default defineMail({\n  streams: {},\n});\n`,
      `${define}\n${line}\nexport default defineMail({\n  streams: {\n    ${entry},\n  },\n});\n`,
    ],
    [
      "an object with its type, without imports",
      `// Mine.\nexport default {\n  streams: {\n    ticket: {},\n  },\n} satisfies object;\n`,
      `${line}\n\n// Mine.\nexport default {\n  streams: {\n    ticket: {},\n    ${entry},\n  },\n} satisfies object;\n`,
    ],
    [
      "constants of the file",
      `${define}\nconst streams = {\n  ticket: {},\n} as const;\nconst config = { streams };\nexport default defineMail(config);\n`,
      `${define}\n${line}\nconst streams = {\n  ticket: {},\n  ${entry},\n} as const;\nconst config = { streams };\nexport default defineMail(config);\n`,
    ],
    [
      "text that looks like streams",
      `${define}\n// streams: {}\nconst text = "streams: {";\nexport default defineMail({\n  bounceSender: text,\n  streams: {\n    "ticket": { match: (x) => x.recipient === "}" },\n  },\n});\n`,
      `${define}\n${line}\n// streams: {}\nconst text = "streams: {";\nexport default defineMail({\n  bounceSender: text,\n  streams: {\n    "ticket": { match: (x) => x.recipient === "}" },\n    ${entry},\n  },\n});\n`,
    ],
  ])("%s", ([, source, expected]) => {
    expect(addStream(source, invoices)).toEqual({ kind: "added", source: expected });
    const windows = addStream(source.replaceAll("\n", "\r\n"), invoices);
    expect(windows).toEqual({ kind: "added", source: expected.replaceAll("\n", "\r\n") });
  });

  test("a name that is no identifier, and several addresses", () => {
    const stream = { ...invoices, name: "late-invoices", recipients: ["a@example.com", "b@example.com"] };
    expect(addStream("export default { streams: {} };", stream)).toMatchObject({
      source: expect.stringContaining(`"late-invoices": { recipients: ["a@example.com", "b@example.com"], worker:`),
    });
  });

  test("a webhook is lines of its own, and imports nothing", () => {
    const work = {
      kind: "webhook",
      url: "http://127.0.0.1:3000/mail",
      secretEnv: "A_SECRET",
      allowPrivate: ["127.0.0.1"],
    };
    const stream = { ...invoices, work } as NewStream;
    const lines = (indent: string) =>
      [
        "invoices: {",
        `  recipients: ["invoices@example.com"],`,
        "  webhook: {",
        `    url: "http://127.0.0.1:3000/mail",`,
        `    secretFrom: { env: "A_SECRET" },`,
        `    allowPrivate: ["127.0.0.1"],`,
        "  },",
        "},",
      ]
        .map((line) => `${indent}${line}\n`)
        .join("");
    expect(addStream("export default {\n  streams: {\n    ticket: {},\n  },\n};\n", stream)).toEqual({
      kind: "added",
      source: `export default {\n  streams: {\n    ticket: {},\n${lines("    ")}  },\n};\n`,
    });
    expect(addStream("export default {\n  domains: [],\n};\n", stream)).toEqual({
      kind: "added",
      source: `export default {\n  domains: [],\n  streams: {\n${lines("    ")}  },\n};\n`,
    });
  });

  test("twice is once", () => {
    const first = addStream(`export default { streams: { ticket: {} } };`, invoices);
    const source = first.kind === "added" ? first.source : "";
    expect(addStream(source.replace(line, ""), invoices)).toEqual({ kind: "exists" });
  });
});

test.for<[string, string, RegExp]>([
  ["a function makes them", `export default defineMail({ streams: streamsOf("x") });`, /not written out/],
  [
    "they are imported",
    `import { streams } from "./s.ts";\nexport default defineMail({ streams });`,
    /not written out/,
  ],
  ["part of it is spread", `import base from "./b.ts";\nexport default defineMail({ ...base });`, /from elsewhere/],
  ["the whole is imported", `export { default } from "./other.ts";`, /default export/],
  [
    "the worker's name is taken",
    `const invoicesWorker = 1;\nexport default { streams: {} };`,
    /the name invoicesWorker/,
  ],
  ["no TypeScript", `export default {{`, /cannot be read/],
  ["a variable that changes", `let streams = {};\nexport default { streams };`, /not written out/],
])("left to its author: %s", ([, source, why]) => {
  expect(addStream(source, invoices)).toEqual({ kind: "by-hand", why: expect.stringMatching(why) });
});
