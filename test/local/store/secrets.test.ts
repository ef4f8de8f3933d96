import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSecrets } from "../../../local/store/secrets.ts";
import { createTokens } from "../../../shared/tokens/tokens.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-secrets-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("without configuration a key is made once, and only its owner may read it", async () => {
  const first = await createSecrets({}, join(folder, "keys"), {}).keyRing();
  expect(await createSecrets({}, join(folder, "keys"), {}).keyRing()).toEqual(first);
  const path = join(folder, "keys", "tokens.key");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, "utf8")).toBe(`${String(first.keys[0]!.secret)}\n`);
  expect(first.keys[0]!.secret).toMatch(/^[\w-]{43}$/);
});

test("configured keys come from a variable and a file, and agree about the line end", async () => {
  const file = join(folder, "old.key");
  await writeFile(file, "an example secret, the older\n");
  const tokens = {
    keys: [
      { id: "b", secretFrom: { env: "NEW_KEY" } },
      { id: "a", secretFrom: { file }, verifyUntil: "2027-01-01T00:00:00Z" },
    ],
    addressSecretFrom: { file },
  };
  const ring = await createSecrets({ tokens }, folder, { NEW_KEY: "an example secret, the newer" }).keyRing();
  const old = createTokens({ keys: [{ id: "a", secret: "an example secret, the older" }] });
  const verified = createTokens(ring).verify("reply", old.sign("reply", Buffer.from("x")), new Date("2026-08-04"));
  expect(verified.kind).toBe("valid");
  expect(createTokens(ring).sign("reply", Buffer.from("x"))[0]).toBe("b");
});

test.for<[string, Parameters<ReturnType<typeof createSecrets>["read"]>[0], string]>([
  ["a variable that is not set", { env: "NOT_SET" }, "NOT_SET"],
  ["a file that is not there", { file: "/nonexistent/key" }, "/nonexistent/key"],
  ["a source on AWS", { secretsManager: "mail/key" }, "AWS"],
])("%s is refused with the remedy", async ([, source, named]) => {
  await expect(createSecrets({}, folder, {}).read(source)).rejects.toMatchObject({
    code: "ERR_SECRET",
    message: expect.stringContaining(named),
  });
});
