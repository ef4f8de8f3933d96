import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { importSuppressions } from "../../cli/import-suppressions.ts";
import { type ReadRow, readRows } from "../../cli/suppression-rows.ts";
import { dataFolder } from "../../local/store/layout.ts";
import { type ConsoleEngine, startConsoleEngine } from "../local/console/console-engine.ts";
import { callCli } from "./run-cli.ts";

const mail = { domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } };

async function folderWith(file: string, text: string) {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-suppress-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const configFile = join(folder, "mailweir.config.ts");
  await writeFile(configFile, `export default ${JSON.stringify(mail)};\n`);
  await writeFile(join(folder, file), text);
  return { folder, file: join(folder, file), where: ["--data", join(folder, "data"), "--config", configFile] };
}

let running: ConsoleEngine;
beforeAll(async () => {
  running = await startConsoleEngine();
});
afterAll(() => running.close());

const csv = `Email Address,List,Reason,Since,Comment
ann@example.org,news,complaint,2026-01-02T03:04:05Z,"said ""no"", twice"
Bob@Example.org,,,,
"carol, the first"@example.org,,,,
no address,,,,
dave@example.org,news,because,,
ann@example.org,news,,,
`;

describe.each([
  ["without an engine, in the folder", async (text: string) => folderWith("in.csv", text)],
  [
    "while an engine runs, through its API",
    async (text: string) => {
      const made = await folderWith("in.csv", text);
      return { ...made, where: ["--data", running.engine.data] };
    },
  ],
])("%s", (_, setUp) => {
  test("import, check, add, remove, list, export, forget", async () => {
    const { file, where } = await setUp(csv);
    const json = async (...args: string[]) =>
      JSON.parse((await callCli(["suppress", ...args, ...where, "--json"])).stdout) as never;

    const imported = await callCli(["suppress", "import", file, ...where, "--json"]);
    expect(JSON.parse(imported.stdout)).toMatchObject({ read: 6, added: 2, known: 1, wrong: 3, resumedAt: 0 });
    expect(JSON.parse(imported.stdout).faults).toEqual([
      expect.stringMatching(/^line 4: .*no mail address/),
      expect.stringMatching(/^line 5: .*no mail address/),
      expect.stringMatching(/^line 6: "because" is no reason/),
    ]);
    expect(imported.exit).toBe(1);
    expect(existsSync(`${file}.mailweir-import`)).toBe(false);

    expect(await json("check", "Ann@example.org", "--list", "news")).toMatchObject({
      suppressed: true,
      suppression: { address: "ann@example.org", list: "news", reason: "complaint", since: "2026-01-02T03:04:05.000Z" },
    });
    expect(await json("check", "ann@example.org", "--list", "offers")).toMatchObject({ suppressed: false });
    expect(await json("add", "erin@example.org", "--note", "asked by phone")).toEqual({ result: "added" });
    expect(await json("add", "erin@example.org")).toEqual({ result: "already-suppressed" });
    const shown = await callCli(["suppress", "check", "erin@example.org", ...where]);
    expect(shown.stdout).toMatch(/erin@example\.org gets no mail: manual since/);
    expect(shown.stdout).toContain("asked by phone");
    expect(await json("remove", "erin@example.org")).toEqual({ result: "removed" });
    expect(await json("remove", "erin@example.org")).toEqual({ result: "not-suppressed" });

    const { person } = (await json("forget", "bob@example.org")) as { person: string };
    expect(await json("check", person)).toMatchObject({ suppressed: true, all: [{ person, list: "*" }] });
    expect(await json("remove", person)).toEqual({ result: "removed" });

    const exported = await callCli(["suppress", "export", ...where]);
    expect(exported.stdout).toMatch(/^address,person,list,reason,since,until\n/);
    expect(exported.stdout).toMatch(/^ann@example\.org,[a-z2-7]{26},news,complaint,2026-01-02T03:04:05\.000Z,$/m);
    expect(exported.stdout).not.toContain("bob@example.org");
    const lines = (await callCli(["suppress", "export", "--format", "json", ...where])).stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ address: "ann@example.org", list: "news" }),
    );
    expect((await callCli(["suppress", "list", ...where])).stdout).toContain("ann@example.org");

    const wrong = await callCli(["suppress", "add", "nobody", ...where]);
    expect([wrong.exit, wrong.stderr]).toEqual([1, expect.stringContaining("no mail address")]);
  });

  test("an export can be imported, into a list with the same key", async () => {
    const { where, folder } = await setUp("");
    const out = join(folder, "out.csv");
    await callCli(["suppress", "add", "zoe@example.org", "--list", "weekly", ...where]);
    await callCli(["suppress", "export", "--out", out, ...where]);
    const again = await callCli(["suppress", "import", out, ...where, "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ added: 0, wrong: 0 });
  });
});

test("the API needs the token for what changes something, and says what is wrong with a request", async () => {
  const post = (path: string, body: string, headers = {}) =>
    running.fetch(`/api/suppressions${path}`, { method: "POST", body, headers });
  const token = { authorization: `Bearer ${running.token}` };
  expect((await post("", '{"address":"a@example.org"}')).status).toBe(403);
  for (const [path, body] of [
    ["", "{"],
    ["", '{"address":"nobody"}'],
    ["", '{"address":"a@example.org","list":"two words"}'],
    ["", '{"address":"a@example.org","reason":"complaint"}'],
    ["/forget", "{}"],
    ["/import", '{"rows":[{"address":"a@example.org","since":"yesterday"}],"source":"x"}'],
  ] as const) {
    const response = await post(path, body, token);
    expect([response.status, ((await response.json()) as { detail: string }).detail.length > 10], body).toEqual([
      400,
      true,
    ]);
  }
  expect((await running.fetch("/api/suppressions/check?address=")).status).toBe(400);
});

describe("rows", () => {
  const rows = async (text: string, format: "csv" | "json", size = 3) => {
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
      text.slice(index * size, (index + 1) * size),
    );
    const all: ReadRow[] = [];
    for await (const entry of readRows(Readable.from(pieces), format)) all.push(entry);
    return all.map((entry) => ("row" in entry ? entry.row : `${entry.line}: fault`));
  };

  test.for<[string, string, readonly unknown[]]>([
    ["one address a line", "a@x.example\r\nb@x.example\n\n", [{ address: "a@x.example" }, { address: "b@x.example" }]],
    ["a heading in any order and case", "LIST;Email\nnews;a@x.example\n", [{ address: "a@x.example", list: "news" }]],
    [
      "quotes, line ends inside them, a mark of the order of octets",
      '\ufeff"email","note"\n"a@x.example","two\nlines, ""quoted"""\nb@x.example,x',
      [{ address: "a@x.example" }, { address: "b@x.example" }],
    ],
    [
      "what the SES account's list says",
      "EmailAddress,Reason,LastUpdateTime\na@x.example,BOUNCE,2026-01-01T00:00:00Z\n",
      [{ address: "a@x.example", reason: "hard-bounce", since: "2026-01-01T00:00:00Z" }],
    ],
    ["what Excel writes", "sep=;\r\nEmail;Note\r\na@x.example;x\r\n", [{ address: "a@x.example" }]],
    [
      "a semicolon where commas separate, and the other way round",
      "Name,Email\nSmith; Ann,a@x.example\n",
      [{ address: "a@x.example" }],
    ],
    ["commas where semicolons separate", "Name;Email\nSmith, Ann;a@x.example\n", [{ address: "a@x.example" }]],
    ["tabs", "email\tlist\na@x.example\tnews\n", [{ address: "a@x.example", list: "news" }]],
    [
      "line ends of an old Mac",
      "email,list\ra@x.example,news\rb@x.example,\r",
      [{ address: "a@x.example", list: "news" }, { address: "b@x.example" }],
    ],
    [
      "a quoted line end of each kind, and the number of the line behind them",
      'email,note\n"a@x.example","one\r\ntwo\rthree\nfour"\nno-reason@x.example,x\n,y\n',
      [{ address: "a@x.example" }, { address: "no-reason@x.example" }, "7: fault"],
    ],
    ["empty rows of a spreadsheet", "email,list\n,\na@x.example,\n,,,\n", [{ address: "a@x.example" }]],
    [
      "a heading in quotes with spaces",
      '" E-Mail ","List"\na@x.example,news\n',
      [{ address: "a@x.example", list: "news" }],
    ],
    [
      "no heading, all five",
      "a@x.example,news,complaint,2026-01-01T00:00:00Z,\n",
      [{ address: "a@x.example", list: "news", reason: "complaint", since: "2026-01-01T00:00:00Z" }],
    ],
    [
      "no heading, the name first: nothing around the address is believed",
      "Ann Smith,a@x.example,subscribed\nBob,b@x.example,news\n",
      [{ address: "a@x.example" }, { address: "b@x.example" }],
    ],
    [
      "no heading, a word on top of one column",
      "Abgemeldet\na@x.example\n",
      [{ address: "Abgemeldet" }, { address: "a@x.example" }],
    ],
    [
      "no heading, people by their hash",
      "aaaabbbbccccddddeeeeffff22,news\n",
      [{ person: "aaaabbbbccccddddeeeeffff22", list: "news" }],
    ],
    [
      "a quote that never ends",
      `a@x.example\n"${"x".repeat(70_000)}\nb@x.example\n`,
      [{ address: "a@x.example" }, "2: fault", { address: "b@x.example" }],
    ],
  ])("CSV: %s", async ([, text, expected]) => {
    expect(await rows(text, "csv")).toEqual(expected);
    expect(await rows(text, "csv", 100_000)).toEqual(expected);
  });

  test.for<[string, string, readonly unknown[]]>([
    [
      "an object a line",
      '{"address":"a@x.example"}\n{"email":"b@x.example","list":"news"}\n',
      [{ address: "a@x.example" }, { address: "b@x.example", list: "news" }],
    ],
    [
      "an array",
      '[{"address":"a@x.example","x":{"y":"}"}},\n {"address":"\\"{\\"@x.example"}]',
      [{ address: "a@x.example" }, { address: '"{"@x.example' }],
    ],
    [
      "what is no object",
      'null\n{"list":"news"}\n{"address":"a@x.example"}\n{"address',
      ["1: fault", "2: fault", { address: "a@x.example" }, "4: fault"],
    ],
  ])("JSON: %s", async ([, text, expected]) => {
    expect(await rows(text, "json")).toEqual(expected);
    expect(await rows(text, "json", 100_000)).toEqual(expected);
  });
});

test("a heading that names no address is refused with its remedy, and nothing is imported", async () => {
  const { file, where } = await folderWith("in.csv", "Nachname;E-Mail-Adresse\nSmith;ann@example.org\n");
  const { exit, stderr } = await callCli(["suppress", "import", file, ...where]);
  expect(exit).toBe(1);
  expect(stderr).toMatch(/Line 1 is a heading without a column.*"E-Mail-Adresse".*Nothing was imported/);
  const { stdout } = await callCli(["suppress", "list", ...where, "--json"]);
  expect(stdout).toBe("");
});

test.for<[string, BufferEncoding, readonly number[]]>([
  ["UTF-16, the lower octet first", "utf16le", [0xff, 0xfe]],
  ["UTF-8 with a mark", "utf8", [0xef, 0xbb, 0xbf]],
])("a spreadsheet's file: %s", async ([, encoding, mark]) => {
  const { folder, where } = await folderWith("x.csv", "");
  const file = join(folder, "spreadsheet.csv");
  const text = Buffer.from("Email\tName\r\nann@example.org\tAnn Ørsted\r\n", encoding);
  await writeFile(file, Buffer.concat([Buffer.from(mark), text]));
  const { stdout } = await callCli(["suppress", "import", file, ...where, "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ read: 1, added: 1, wrong: 0 });
});

test("who was forgotten stays so, however an import spells the address, and gets none back", async () => {
  const { file, folder, where } = await folderWith("in.csv", "ann@example.org\n");
  const json = async (...args: string[]) =>
    JSON.parse((await callCli(["suppress", ...args, ...where, "--json"])).stdout || "null") as never;
  await json("add", "ann@example.org", "--list", "news", "--note", "asked by phone");
  const { person } = (await json("forget", "ann@example.org")) as { person: string };
  // What waits for webhooks and the SES list names nobody either.
  const database = new DatabaseSync(dataFolder(join(folder, "data")).database, { readOnly: true });
  const waiting = database
    .prepare("SELECT body FROM queue_messages")
    .all()
    .map(({ body }) => String(body));
  database.close();
  expect(waiting.join()).toContain(person);
  expect(waiting.join()).not.toContain("ann@example.org");
  const again = [
    "ann@example.org\n",
    "Email,List,Reason\n ANN@Example.ORG ,news,manual\nann@example.org.,offers,import\n",
    "Email,List,Reason,Since\nann@example.org,*,complaint,2020-01-01T00:00:00Z\n",
    `person,list\n${person},news\n`,
  ];
  for (const [index, text] of again.entries()) {
    await writeFile(file, text);
    await json("import", file, "--restart");
    const { suppressed, all, history } = (await json("check", "ann@example.org", "--list", "other")) as {
      suppressed: boolean;
      all: readonly { address?: string; evidence: { note: string } }[];
      history: readonly object[];
    };
    expect(suppressed, text).toBe(true);
    expect(JSON.stringify({ all, history }), `${index}`).not.toMatch(/ann@|phone/i);
  }
  await rm(file);
  const exported = await callCli(["suppress", "export", "--format", "json", ...where]);
  expect(exported.stdout).toContain(person);
  expect(exported.stdout).not.toMatch(/ann@/i);
});

test("an import that was interrupted goes on where it stopped, a changed file begins anew", async () => {
  const text = Array.from({ length: 45_000 }, (_, index) => `person${index}@example.org\n`).join("");
  const { file } = await folderWith("many.csv", text);
  let batches = 0;
  const failing = {
    importRows: async (rows: readonly object[]) => {
      if (++batches > 43) throw new Error("the machine lost its power");
      return { added: rows.length, known: 0 };
    },
  };
  const options = { format: "csv", restart: false, onFault: () => undefined } as const;
  await expect(importSuppressions(failing, file, options)).rejects.toThrow("power");
  const seen: string[] = [];
  const working = {
    importRows: async (rows: readonly { address?: string }[]) => {
      seen.push(...rows.map(({ address }) => address ?? ""));
      return { added: rows.length, known: 0 };
    },
  };
  expect(await importSuppressions(working, file, options)).toMatchObject({
    read: 5_000,
    added: 5_000,
    resumedAt: 40_000,
  });
  expect([seen[0], seen.at(-1)]).toEqual(["person40000@example.org", "person44999@example.org"]);
  expect(await importSuppressions(working, file, options)).toMatchObject({ read: 45_000, resumedAt: 0 });

  batches = 0;
  await expect(importSuppressions(failing, file, options)).rejects.toThrow("power");
  await writeFile(file, `${text}another@example.org\n`);
  expect(await importSuppressions(working, file, options)).toMatchObject({ read: 45_001, resumedAt: 0 });
  expect(await readFile(file, "utf8")).toContain("another");
});
