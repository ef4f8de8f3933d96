import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { createProgram } from "../../cli/program.ts";
import { callCli } from "./run-cli.ts";

/** Every command that does something, with its words: `ticket list`. */
function leaves(command: Command, words: readonly string[] = []): { words: readonly string[]; command: Command }[] {
  return command.commands.flatMap((sub) => {
    const path = [...words, sub.name()];
    return sub.commands.length > 0 ? leaves(sub, path) : [{ words: path, command: sub }];
  });
}

const all = leaves(await createProgram());
const named = all.map(({ words, command }) => [words.join(" "), command] as const);

test("there are commands, and the walk sees those inside others", () => {
  const names = named.map(([name]) => name);
  expect(names.length).toBeGreaterThan(40);
  expect(names).toEqual(
    expect.arrayContaining(["start", "ticket list", "suppress import", "stream new", "completion"]),
  );
});

describe.each(named)("%s", (name, command) => {
  test("takes --json, or says each event as JSON", () => {
    expect(command.options.map(({ long }) => long)).toContain("--json");
  });

  test("--help has an example that the command line itself understands", async () => {
    const { stdout, exit } = await callCli([...name.split(" "), "--help"]);
    expect(exit).toBe(0);
    const examples = stdout
      .slice(stdout.search(/^Examples?:$/m))
      .match(new RegExp(`^  .*mailweir ${name}\\b.*$`, "gm"));
    expect(examples, stdout).not.toBeNull();
    const known = new Set(["--help", ...command.options.map(({ long }) => long)]);
    for (const example of examples ?? []) {
      // Up to a pipe or a comment: what stands there is another program's.
      const ours = example.split(/ \| | # |\$\(| < | > /)[0] ?? "";
      for (const option of ours.match(/(?<=\s)--[a-z-]+/g) ?? []) expect(known, example).toContain(option);
    }
  });

  test("every option says what it does", () => {
    for (const { long, description, hidden } of command.options) {
      if (!hidden) expect(description, long).not.toBe("");
    }
    expect(command.description()).not.toBe("");
  });

  test("stands in docs/cli.md", async () => {
    const guide = await readFile(new URL("../../docs/cli.md", import.meta.url), "utf8");
    const [word = "", sub] = name.split(" ");
    const row = guide.split("\n").filter((line) => line.startsWith(`| \`${word}`));
    expect(row.join("\n")).toMatch(sub === undefined ? new RegExp(`\`${word}\\b`) : new RegExp(`\\b${sub}\\b`));
  });
});

test.for<[string, string[], string]>([
  ["a command", ["lst"], "Did you mean list?"],
  ["a command inside another", ["ticket", "lsit"], "Did you mean list?"],
  ["an option", ["list", "--jsn"], "Did you mean --json?"],
  [
    "an option of a command inside another",
    ["suppress", "check", "a@example.com", "--lst", "x"],
    "Did you mean --list?",
  ],
])("a typo of %s gets a suggestion and exit status 2", async ([, args, suggestion]) => {
  const { exit, stderr, stdout } = await callCli(args);
  expect(stderr).toContain(suggestion);
  expect(exit).toBe(2);
  expect(stdout).toBe("");
});

test.for<[string, string[], number]>([
  ["help", ["--help"], 0],
  ["a command's help", ["help", "send"], 0],
  ["the version", ["--version"], 0],
  ["an argument that is missing", ["raw"], 2],
  ["an option that is missing", ["send"], 2],
  ["a value that is none of those", ["completion", "tcsh"], 2],
  ["a number that is none", ["list", "--limit", "many"], 2],
  ["a folder without mail", ["list", "--data", "/nonexistent/mailweir"], 1],
])("exit status: %s", async ([, args, status]) => {
  expect((await callCli(args)).exit).toBe(status);
});
