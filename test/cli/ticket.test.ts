import { afterAll, beforeAll, expect, test } from "vitest";
import { type ConsoleEngine, mail, startConsoleEngine } from "../local/console/console-engine.ts";
import { callCli } from "./run-cli.ts";

let running: ConsoleEngine;
beforeAll(async () => {
  running = await startConsoleEngine({ tickets: { fromName: "Example Support" } });
  await running.send(mail("Broken door"), ["support@example.com"]);
  await running.ended();
});
afterAll(() => running.close());

const ticket = (...args: readonly string[]) => callCli(["ticket", ...args, "--data", running.engine.data]);
const json = async (...args: readonly string[]) => {
  const { stdout, exit, stderr } = await ticket(...args, "--json");
  expect(stderr).toBe("");
  expect(exit).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
};

test("a ticket is listed, shown, answered once, noted upon, assigned, tagged, closed", async () => {
  expect((await ticket("list")).stdout).toMatch(/^ticket .*UTC.*\n +1 {2}open .*ann@sender\.example {2}Broken door/);
  expect((await ticket("list", "--text", "no such words")).stdout).toBe("No such tickets.\n");

  const answer = ["reply", "1", "--text", "It is on its way.", "--by", "carol", "--id", "first"];
  expect((await ticket(...answer)).stdout).toContain("Answered");
  expect(await json(...answer)).toEqual({ id: "first" });
  await answered(1);
  const { mails } = (await (await running.fetch("/api/outbox")).json()) as {
    mails: { number: number; kind: string }[];
  };
  expect(mails.map(({ kind }) => kind)).toEqual(["reply"]);
  const raw = (await (await running.fetch(`/api/outbox/${mails[0]?.number}/raw`)).text()).replace(/\r\n[ \t]+/g, " ");
  expect(raw).toMatch(/^From: Example Support <support\+[a-z2-7]+@example\.com>\r$/m);
  expect(raw).toMatch(/^Subject: Re: \[#1\] Broken door\r$/m);

  await json("note", "1", "--text", "Ask the depot", "--by", "carol");
  await json("assign", "1", "carol");
  expect(await json("tag", "1", "Doors", "Urgent")).toMatchObject({ tags: ["doors", "urgent"], assignee: "carol" });
  expect(await json("tag", "1", "-urgent")).toMatchObject({ tags: ["doors"] });
  expect(await json("close", "1")).toMatchObject({ state: "closed" });
  expect((await ticket("list", "--state", "open")).stdout).toBe("No such tickets.\n");
  const shown = (await ticket("show", "1")).stdout;
  for (const words of ["closed", "It is on its way.", "Ask the depot", "(answer)", "(note)", "@carol", "#doors"]) {
    expect(shown).toContain(words);
  }

  // The customer answers to the address of the answer, and nothing else leads to the ticket.
  const to = /^From: .*<(.*)>\r$/m.exec(raw)?.[1] ?? "";
  await running.send(mail("Other words"), [to]);
  await running.ended();
  expect(await json("show", "1")).toMatchObject({ state: "open", entries: [{}, {}, {}, { trust: "token" }] });
});

test.for<[string, readonly string[], RegExp, number]>([
  ["a ticket that is not there", ["show", "77"], /There is no ticket 77: see {2}mailweir ticket list/, 1],
  ["a number that is none", ["show", "abc"], /"abc" is no ticket's number/, 1],
  ["an empty answer", ["reply", "1", "--text", " "], /was not answered: the text is empty/, 1],
  ["an answer to a ticket that is not there", ["reply", "77", "--text", "x"], /There is no such ticket/, 1],
  ["a state that is none", ["list", "--state", "done"], /--state is open or closed/, 1],
  ["a word that is no command", ["answer", "1"], /unknown command/, 2],
])("%s is told", async ([, args, message, code]) => {
  const result = await ticket(...args);
  expect(result.stderr).toMatch(message);
  expect(result.exit).toBe(code);
});

test("without an engine nothing changes, and it says what to do", async () => {
  const { stderr, exit } = await callCli(["ticket", "close", "1", "--data", "/nonexistent-mailweir"]);
  expect(stderr).toMatch(/No engine runs on .*: start one \(npm start\)/);
  expect(exit).toBe(1);
});

async function answered(id: number): Promise<void> {
  for (;;) {
    const ticket = await running.engine.ports.tickets.get(id);
    const counts = await running.engine.store.ports.queues.counts("mailweir-answers");
    if (ticket?.entries.some(({ kind }) => kind === "answer") && counts.visible + counts.inFlight === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
