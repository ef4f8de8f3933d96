import { expect, test } from "vitest";
import { seeded } from "../../../bench/measure/signed-mails.ts";
import { composeMessage } from "../../../shared/streams/compose-message.ts";
import { decodeStreamMessage } from "../../../shared/streams/read-stream-message.ts";
import { streamMessageSchema } from "../../../shared/streams/stream-message-schema.ts";
import { upgradeMessage } from "../../../shared/streams/upgrade-message.ts";
import { fuzzRuns } from "../../fuzz-runs.ts";
import { oddValues, withChanges } from "../odd-values.ts";
import { judgement, passing, testId } from "./stream-fixture.ts";

const base = {
  sesMessageId: testId(1),
  stream: "ticket",
  recipients: ["support@example.com"],
  judgement: judgement(),
  envelope: { from: "", to: ["support@example.com"] },
  verdicts: { ...passing, dmarc: "FAIL", dmarcPolicy: "reject" } as const,
  headers: [
    { name: "From", value: "Ann Lee <ann@sender.example>" },
    { name: "References", value: "<m0@sender.example>" },
  ],
  reasons: ["because"],
  receivedAt: "2026-08-04T09:15:02.417Z",
};
const messages: readonly object[] = [
  composeMessage({
    ...base,
    content: { kind: "s3", bucket: "mailweir-mail", key: "inbound/x", sizeBytes: 3, encrypted: true },
  }),
  composeMessage({ ...base, content: { kind: "inline", base64: "QQ==" } }),
  {
    ...composeMessage({ ...base, content: { kind: "inline", base64: "" } }),
    cut: ["references", "evidence"],
    later: 1,
  },
];

/** The first member that is wrong; what is wrong below it is said in other words. */
function read(body: string): { readonly value: unknown } | { readonly fault: string } {
  try {
    return { value: decodeStreamMessage(body) };
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_STREAM_MESSAGE_UNREADABLE") throw error;
    return { fault: String((error as Error).message) };
  }
}

test("what was changed in any place is read as by the schema, or refused for the same member", () => {
  const { seed, numRuns } = fuzzRuns(20_261_124, 6_000);
  const random = seeded(seed);
  const counts = { read: 0, refused: 0 };
  for (let number = 0; number < numRuns; number += 1) {
    const body = JSON.stringify(withChanges(messages[number % messages.length] as object, random)) ?? "null";
    const own = read(body);
    const schema = streamMessageSchema.safeParse(upgradeMessage(JSON.parse(body)));
    if (schema.success) expect(own, body).toEqual({ value: schema.data });
    else {
      expect(own, body).toHaveProperty("fault");
      const [member] = schema.error.issues[0]?.path ?? [];
      if ("fault" in own && !own.fault.includes("newer than"))
        expect(own.fault, body).toContain(String(member ?? "the whole"));
    }
    counts["value" in own ? "read" : "refused"] += 1;
  }
  expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(numRuns / 10);
  expect(oddValues.length).toBeGreaterThan(20);
}, 120_000);
