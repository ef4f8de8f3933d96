import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { callCli } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mailweir-completion-"));
afterAll(() => rmSync(folder, { recursive: true }));

const has = (shell: string) => spawnSync(shell, ["-c", "exit 0"]).status === 0;

async function scriptFor(shell: string): Promise<string> {
  const file = join(folder, `mailweir.${shell}`);
  const { stdout, exit } = await callCli(["completion", shell]);
  expect(exit).toBe(0);
  writeFileSync(file, stdout);
  return file;
}

/** What the shell itself offers behind a command line that ends where the cursor stands. */
const offers: Readonly<Record<string, (script: string, line: string) => string[]>> = {
  bash(script, line) {
    const words = line.split(" ");
    const program = `source ${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
_mailweir; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run("bash", ["--norc", "-c", program]);
  },
  zsh(script, line) {
    const words = line.split(" ");
    // The widgets need a terminal: these two stand for them and print what they were given.
    const program = `compdef() { }
_describe() { print -rl -- "\${(@P)2%%:*}" | grep -- "^\${words[CURRENT]}" }
_files() { }
source ${script}
words=(${words.map((word) => `'${word}'`).join(" ")}); CURRENT=${words.length}
_mailweir`;
    return run("zsh", ["-f", "-c", program]);
  },
  fish(script, line) {
    const program = `source ${script}; complete -C '${line}'`;
    return run("fish", ["--no-config", "-c", program]).map((offer) => offer.split("\t")[0] ?? "");
  },
};

function run(shell: string, args: readonly string[]): string[] {
  const { stdout, stderr, status } = spawnSync(shell, args, { encoding: "utf8", cwd: folder });
  expect(stderr).toBe("");
  expect([0, 1]).toContain(status);
  return stdout.split("\n").filter((offer) => offer !== "");
}

describe.each(["bash", "zsh", "fish"])("%s", (shell) => {
  const offered = async (line: string) => offers[shell]?.(await scriptFor(shell), line) ?? [];

  test.skipIf(!has(shell))("commands, those inside others, options of each", async () => {
    expect(await offered("mailweir st")).toEqual(expect.arrayContaining(["start", "status", "stream"]));
    expect(await offered("mailweir st")).not.toContain("list");
    expect((await offered("mailweir ticket ")).toSorted()).toEqual(
      expect.arrayContaining(["assign", "close", "list", "note", "open", "reply", "show", "tag"]),
    );
    const options = await offered("mailweir ticket list --st");
    expect(options).toEqual(["--state"]);
    expect(await offered("mailweir ticket list --data somewhere --jso")).toEqual(["--json"]);
    expect(await offered("mailweir raw --json --without")).toEqual(["--without-ses-block"]);
  });

  test.skipIf(!has(shell))("an option that takes a value gets no options behind it", async () => {
    expect(await offered("mailweir list --data ")).not.toContain("--json");
    // fish takes a word that begins so for an option wherever it stands.
    if (shell !== "fish") expect(await offered("mailweir list --data --")).not.toContain("--json");
  });
});

test("as data for other shells", async () => {
  const { stdout } = await callCli(["completion", "bash", "--json"]);
  const table = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(table.find(({ path }) => path === "/ticket/list")).toMatchObject({
    commands: [],
    options: expect.arrayContaining([
      { long: "--json", takesValue: false, values: [], description: expect.any(String) },
    ]),
  });
});
