import { describe, expect, test } from "vitest";
import {
  type ActivationPlan,
  type ActivationRequest,
  type ActivationState,
  planActivation,
} from "../../../shared/receipt/plan-activation.ts";

const ours = "mailweir-prod";
const request: ActivationRequest = { kind: "create", ruleSet: ours, activate: true, takeOver: false };
const state: ActivationState = { active: null, remembered: undefined, rememberedExists: false };
const refused = { kind: "refuse" } as const;

describe("whether a stage's rule set becomes the active one", () => {
  test.for<[string, Partial<ActivationRequest>, Partial<ActivationState>, Partial<ActivationPlan>]>([
    ["nothing is active", {}, {}, { remember: null, activate: ours }],
    ["ours is active already", {}, { active: ours }, { kind: "go" }],
    ["somebody else's is active", {}, { active: "company" }, refused],
    [
      "somebody else's, and we were told",
      { takeOver: true },
      { active: "company" },
      { remember: "company", activate: ours },
    ],
    [
      "somebody else's, by name",
      { takeOver: "company" },
      { active: "company" },
      { remember: "company", activate: ours },
    ],
    ["by the name of another", { takeOver: "old" }, { active: "company" }, refused],
    ["another stage's", {}, { active: "mailweir-dev" }, refused],
    ["another stage's, told in general", { takeOver: true }, { active: "mailweir-dev" }, refused],
    ["another stage's, by name", { takeOver: "mailweir-dev" }, { active: "mailweir-dev" }, { activate: ours }],
    ["not wanted, nothing active", { activate: false }, {}, { kind: "go" }],
    ["not wanted, somebody else's active", { activate: false }, { active: "company" }, { kind: "go" }],
    [
      "an update, replaced by hand meanwhile",
      { kind: "update", wasActivated: true },
      { active: "company" },
      { kind: "go" },
    ],
    ["an update that wants it newly", { kind: "update", wasActivated: false }, { active: "company" }, refused],
    [
      "an update that wants it no more",
      { kind: "update", activate: false, wasActivated: true },
      { active: ours, remembered: "company", rememberedExists: true },
      { activate: "company", forget: true },
    ],
    [
      "destroyed, nothing before",
      { kind: "delete" },
      { active: ours, remembered: null },
      { activate: null, forget: true },
    ],
    [
      "destroyed, restores",
      { kind: "delete" },
      { active: ours, remembered: "company", rememberedExists: true },
      { activate: "company", forget: true },
    ],
    [
      "destroyed, but the one before is gone",
      { kind: "delete" },
      { active: ours, remembered: "company", rememberedExists: false },
      { activate: null, forget: true },
    ],
    [
      "destroyed while somebody else's is active",
      { kind: "delete" },
      { active: "company", remembered: "older", rememberedExists: true },
      { forget: true },
    ],
    ["destroyed after a creation that was refused", { kind: "delete" }, { active: "company" }, { kind: "go" }],
  ])("%s", ([, asked, found, expected]) => {
    const plan = planActivation({ ...request, ...asked }, { ...state, ...found });
    expect(plan).toMatchObject({ kind: "go", ...expected });
    if (plan.kind === "go") {
      expect("activate" in plan).toBe("activate" in expected);
      expect("remember" in plan).toBe("remember" in expected || plan.activate === ours);
    } else expect(plan.reason).toContain("aws.takeOver");
  });
});
