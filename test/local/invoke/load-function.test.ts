import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as stack from "../../../functions/stack.ts";
import { loadFunction, UnknownFunctionError } from "../../../local/invoke/load-function.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-function-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

vi.mock("../../../functions/stack.ts", async (original) => {
  const actual = await original<typeof stack>();
  return { ...actual, withStack: vi.fn(actual.withStack) };
});

const configWith = (functions: Record<string, string>) =>
  resolveConfig({
    domains: ["example.com"],
    streams: { personal: { recipients: ["example.com"] } },
    local: { functions },
  });
const noPorts = {} as never;
const context = {} as never;

test("a function of the pipeline runs inside the stack that all share", async () => {
  const handler = await loadFunction("journal", noPorts, configWith({}));
  expect(stack.withStack).toHaveBeenCalledOnce();
  expect(handler).toBe(vi.mocked(stack.withStack).mock.results[0]?.value);
});

test("the user's own module is called as Lambda calls it, and stays outside", async () => {
  vi.mocked(stack.withStack).mockClear();
  const file = join(folder, "mine.mjs");
  await writeFile(file, "export const handler = async (event) => ({ got: event.n });");
  const handler = await loadFunction("mine", noPorts, configWith({ mine: file }));
  expect(await handler({ n: 3 }, context)).toEqual({ got: 3 });
  expect(stack.withStack).not.toHaveBeenCalled();
});

test.for<[string, Record<string, string>, RegExp]>([
  ["a name that nobody knows", {}, /name its module in local\.functions/],
  ["a path out of the folder", {}, /There is no function/],
  ["a module without handler", { other: "" }, /exports no handler/],
])("%s is refused with the remedy", async ([what, functions, message]) => {
  const file = join(folder, "empty.mjs");
  await writeFile(file, "export const x = 1;");
  const name = what.startsWith("a path") ? "../functions/journal" : "other";
  const known = Object.fromEntries(Object.keys(functions).map((key) => [key, file]));
  const loading = loadFunction(name, noPorts, configWith(known));
  await expect(loading).rejects.toThrow(message);
  await expect(loading).rejects.toBeInstanceOf(UnknownFunctionError);
});
