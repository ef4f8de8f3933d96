import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ConsoleEngine, mail, startConsoleEngine } from "../local/console/console-engine.ts";
import { callCli } from "./run-cli.ts";

// What a stranger can put into a mail, against every command that shows some of it.

// Sets the title, clears the screen, the 8-bit form of the same, turns the text round, hides.
const escapes = "\u001b]0;title\u0007\u001b[2J\u009b31m\u202egpj.exe\u2066\u2069\u200b\ufeff\u2028";
const encoded = (text: string) => `=?utf-8?B?${Buffer.from(text).toString("base64")}?=`;
const homograph = "victim@b\u0430nk.example";
const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

let running: ConsoleEngine;
let folder: string;
const ids: string[] = [];
beforeAll(async () => {
  running = await startConsoleEngine();
  folder = await mkdtemp(join(tmpdir(), "mailweir-hostile-"));
  const mails = [
    mail("Homograph", "Hello.", { From: homograph, Subject: "p\u0430ypal" }),
    mail("Escapes", `Hello ${escapes}`, { From: `"${escapes}" <m@sender.example>`, Subject: escapes }),
    mail("Encoded", "Hello.", { From: `${encoded(escapes)} <m2@sender.example>`, Subject: encoded(escapes) }),
    mail("Spam", gtube, { Subject: encoded(escapes), From: `${encoded(escapes)} <m3@sender.example>` }),
    mail(
      "Files",
      [
        "--b",
        "Content-Type: text/plain; charset=utf-8",
        "",
        `See ${escapes}`,
        "--b",
        "Content-Type: application/octet-stream",
        `Content-Disposition: attachment; filename="photo${escapes}.exe"`,
        "",
        "abc",
        "--b",
        "Content-Type: application/octet-stream",
        "Content-Disposition: attachment; filename*=utf-8''a%1b%5b2Jb%0d%0ac%e2%80%ae.txt",
        "",
        "abc",
        "--b--",
      ].join("\r\n"),
      { "MIME-Version": "1.0", "Content-Type": "multipart/mixed; boundary=b" },
    ),
  ];
  for (const [number, raw] of mails.entries()) {
    for (const to of ["support@example.com", "ann@example.com"]) ids.push(await running.send(raw, [to]));
    await writeFile(join(folder, `${number}.eml`), raw);
  }
  await running.ended();
}, 120_000);
afterAll(async () => {
  await running.close();
  await rm(folder, { recursive: true });
});

/** Line ends apart, nothing that controls a terminal, turns text round or hides it. */
const dangerous = /[^\P{Cc}\n]|\p{Cf}|\p{Zl}|\p{Zp}/u;

async function shown(): Promise<ReadonlyMap<string, string>> {
  const { engine } = running;
  const where = ["--data", engine.data];
  const { tickets } = await engine.ports.tickets.list({ limit: 50 });
  const commands: (readonly string[])[] = [
    ["list", ...where],
    ...ids.map((id) => ["explain", id, ...where]),
    ["ticket", "list", ...where],
    ...tickets.map(({ id }) => ["ticket", "show", String(id), ...where]),
    ["quarantine", "list", ...where],
    ["outbox", "list", ...where],
    ["status", ...where],
    ["refusals", ...where],
    ["suppress", "list", ...where],
    ...[0, 1, 2, 3, 4].map((number) => ["inspect", join(folder, `${number}.eml`)]),
  ];
  const found = new Map<string, string>();
  for (const command of commands) {
    for (const form of [[], ["--json"]]) {
      if (command[0] === "inspect" && form.length > 0) continue;
      const { stdout, stderr } = await callCli([...command, ...form]);
      found.set([...command.slice(0, 2), ...form].join(" "), stdout + stderr);
    }
  }
  return found;
}

test("no command gives a terminal what turns, hides or controls, and homographs are named", async () => {
  const outputs = await shown();
  for (const [command, text] of outputs) expect([command, dangerous.exec(text)?.[0]]).toEqual([command, undefined]);
  const people = [...outputs].filter(([command]) => !command.includes("--json") && !command.startsWith("inspect"));
  for (const [command, text] of people) {
    expect([command, text.includes("b\u0430nk"), text.includes("p\u0430ypal")]).toEqual([command, false, false]);
  }
  const all = people.map(([, text]) => text).join("\n");
  expect(all).toContain("victim@xn--bnk-6cd.example");
  expect(all).toContain("p[U+0430]ypal");
  // The escapes of JSON say the same.
  const listed = (outputs.get("ticket list --json") ?? "").trim().split("\n");
  expect(JSON.stringify(listed.map((line) => JSON.parse(line) as unknown))).toContain("p\u0430ypal");
}, 120_000);
