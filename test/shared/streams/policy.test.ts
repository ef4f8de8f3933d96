import { expect, test } from "vitest";
import type { GatePolicy } from "../../../shared/config/types.ts";
import type { Nature, Verdicts } from "../../../shared/mail/judgement.ts";
import { applyPolicy, mayBounce } from "../../../shared/streams/policy.ts";
import { judgement, passing } from "./stream-fixture.ts";

const careful: GatePolicy = { virus: "quarantine", spam: "quarantine", dmarcReject: "quarantine", dkimFail: "nothing" };
const rejecting = { dmarc: "FAIL", dmarcPolicy: "reject" } as const;

interface Given {
  readonly policy?: Partial<GatePolicy>;
  readonly verdicts?: Partial<Verdicts>;
  readonly nature?: Nature;
  readonly from?: string;
}

function apply({ policy, verdicts, nature, from = "ann@sender.example" }: Given) {
  const all = { ...passing, ...verdicts };
  return applyPolicy(
    { ...careful, ...policy },
    { judgement: judgement(nature, all), verdicts: all, envelopeFrom: from },
  );
}

test.for<[string, Given, string, string]>([
  ["nothing found", {}, "nothing", ""],
  [
    "a virus is quarantined unless somebody says otherwise",
    { verdicts: { virus: "FAIL" } },
    "quarantine",
    "virus verdict FAIL",
  ],
  ["a virus is dropped", { policy: { virus: "drop" }, verdicts: { virus: "FAIL" } }, "drop", "virus verdict FAIL"],
  [
    "a virus is bounced to a sender whom SPF confirms",
    { policy: { virus: "bounce" }, verdicts: { virus: "FAIL" } },
    "bounce",
    "virus verdict FAIL",
  ],
  [
    "a virus is let through where the policy says so",
    { policy: { virus: "nothing" }, verdicts: { virus: "FAIL" } },
    "nothing",
    "",
  ],
  [
    "a virus scan that did not run is held whatever the policy",
    { policy: { virus: "nothing" }, verdicts: { virus: "PROCESSING_FAILED" } },
    "quarantine",
    "virus verdict PROCESSING_FAILED",
  ],
  [
    "an undecided virus scan is never bounced",
    { policy: { virus: "bounce" }, verdicts: { virus: "GRAY" } },
    "quarantine",
    "virus verdict GRAY",
  ],
  ["scans that are off say nothing", { verdicts: { virus: "DISABLED", spam: "DISABLED" } }, "nothing", ""],
  ["spam", { verdicts: { spam: "FAIL" } }, "quarantine", "spam verdict FAIL"],
  ["a spam scan that did not run lets the mail pass", { verdicts: { spam: "PROCESSING_FAILED" } }, "nothing", ""],
  [
    "spam and a virus: the more careful policy wins",
    { policy: { spam: "drop", virus: "bounce" }, verdicts: { spam: "FAIL", virus: "FAIL" } },
    "drop",
    "spam verdict FAIL",
  ],
  ["DMARC failed under p=reject", { verdicts: rejecting }, "quarantine", "asks to reject"],
  ["DMARC failed under p=none says nothing", { verdicts: { dmarc: "FAIL", dmarcPolicy: "none" } }, "nothing", ""],
  ["failed DKIM alone says nothing", { verdicts: { dkim: "FAIL" } }, "nothing", ""],
  ["failed DKIM where it is set", { policy: { dkimFail: "drop" }, verdicts: { dkim: "FAIL" } }, "drop", "DKIM failed"],
  [
    "a bounce without SPF would be backscatter",
    { policy: { spam: "bounce" }, verdicts: { spam: "FAIL", spf: "GRAY" } },
    "quarantine",
    "backscatter: SPF did not pass",
  ],
  [
    "a bounce to <> is never sent",
    { policy: { spam: "bounce" }, verdicts: { spam: "FAIL" }, from: "" },
    "quarantine",
    "backscatter: the envelope sender is <>",
  ],
  [
    "a bounce to a newsletter is never sent",
    { policy: { spam: "bounce" }, verdicts: { spam: "FAIL" }, nature: "list" },
    "quarantine",
    "backscatter: it is automatic mail (list",
  ],
])("%s", ([, given, outcome, reason]) => {
  const decided = apply(given);
  expect(decided.outcome).toBe(outcome);
  expect(decided.reasons.join("\n")).toContain(reason);
});

test("what no verdict explains, a limit, is held even where every policy says nothing", () => {
  const nothing: GatePolicy = { virus: "nothing", spam: "nothing", dmarcReject: "nothing", dkimFail: "nothing" };
  const verdicts = { ...passing, spam: "FAIL" } as const;
  const input = judgement("human", verdicts);
  const reasons = [...input.safety.reasons, "over a limit: 10 000 parts"];
  const over = { ...input, safety: { kind: "suspicious", reasons } } as const;
  expect(applyPolicy(nothing, { judgement: over, verdicts, envelopeFrom: "ann@sender.example" })).toEqual({
    outcome: "quarantine",
    reasons: ["over a limit: 10 000 parts"],
  });
});

test.for<[Nature, boolean]>([
  ["human", true],
  ["unsubscribe-request", true],
  ["bounce", false],
  ["complaint", false],
  ["auto-reply", false],
  ["mdn", false],
  ["list", false],
  ["machine", false],
])("a %s mail may be bounced: %s", ([nature, allowed]) => {
  const input = { judgement: judgement(nature), verdicts: passing, envelopeFrom: "ann@sender.example" };
  expect(mayBounce(input).allowed).toBe(allowed);
});
