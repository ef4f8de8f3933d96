import { expect, test } from "vitest";
import { createRuleSets } from "../../../local/store/rule-sets.ts";
import type { ReceiptRule } from "../../../shared/receipt/model.ts";
import { openTemporary } from "./open-temporary.ts";

const createdAt = new Date("2026-08-04T09:00:00.123Z");
const rule = (name: string): ReceiptRule => ({
  name,
  enabled: true,
  tlsPolicy: "Optional",
  scanEnabled: false,
  recipients: [],
  actions: [],
});

test("sets, rules in order, the choice, filters and identities come through a restart", async () => {
  const temporary = await openTemporary();
  await createRuleSets(temporary.store.database).edit((writer) => {
    writer.putRuleSet({ name: "b", rules: [rule("z"), rule("a")] }, createdAt);
    writer.putRuleSet({ name: "a", rules: [] }, createdAt);
    writer.activate({ kind: "stored", name: "b" });
    writer.putFilter({ name: "f", policy: "Allow", cidr: "10.0.0.1" });
    writer.addIdentity({ name: "shop.example", token: "t" });
  });
  const again = createRuleSets((await temporary.reopen()).database);
  const read = again.read((reader) => ({
    ruleSets: reader.ruleSets(),
    active: reader.active(),
    filters: reader.filters(),
    identities: reader.identities(),
  }));
  expect(read).toEqual({
    ruleSets: [
      { name: "a", createdAt, rules: [] },
      { name: "b", createdAt, rules: [rule("z"), rule("a")] },
    ],
    active: { kind: "stored", name: "b" },
    filters: [{ name: "f", policy: "Allow", cidr: "10.0.0.1" }],
    identities: [{ name: "shop.example", token: "t" }],
  });
});

test("a set that is put again keeps its date, an identity its token", async () => {
  const ruleSets = createRuleSets((await openTemporary()).store.database);
  for (const [token, at] of [
    ["first", createdAt],
    ["second", new Date(0)],
  ] as const) {
    await ruleSets.edit((writer) => {
      writer.putRuleSet({ name: "a", rules: [rule(token)] }, at);
      writer.addIdentity({ name: "shop.example", token });
    });
  }
  expect(ruleSets.read((reader) => reader.ruleSet("a"))).toEqual({ name: "a", createdAt, rules: [rule("second")] });
  expect(ruleSets.read((reader) => reader.identities())).toEqual([{ name: "shop.example", token: "first" }]);
});

test("the configured set is active until another is chosen, and again when the choice is taken back", async () => {
  const ruleSets = createRuleSets((await openTemporary()).store.database);
  const active = () => ruleSets.read((reader) => reader.active());
  expect(active()).toEqual({ kind: "configured" });
  for (const choice of [{ kind: "none" }, { kind: "stored", name: "a" }, { kind: "configured" }] as const) {
    await ruleSets.edit((writer) => writer.activate(choice));
    expect(active()).toEqual(choice);
  }
});

test("an edit that throws changes nothing, its revision included; one that succeeds counts", async () => {
  const ruleSets = createRuleSets((await openTemporary()).store.database);
  const failing = ruleSets.edit((writer) => {
    writer.putRuleSet({ name: "a", rules: [] }, createdAt);
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect([ruleSets.read((reader) => reader.ruleSets()), ruleSets.revision()]).toEqual([[], 0]);
  await ruleSets.edit((writer) => writer.deleteRuleSet("a"));
  expect(ruleSets.revision()).toBe(1);
});
