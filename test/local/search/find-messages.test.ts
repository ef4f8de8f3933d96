import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findMessages } from "../../../local/search/find-messages.ts";
import { openIndex } from "../../../local/search/open-index.ts";
import type { Condition } from "../../../local/search/parse-query.ts";
import { type Database, openDatabase } from "../../../local/store/database.ts";
import { dataFolder } from "../../../local/store/layout.ts";
import { fc } from "../../property.ts";

interface Message {
  readonly seq: number;
  readonly at: number;
  readonly words: readonly string[];
  readonly recipients: readonly { readonly stream: string | null; readonly state: string; readonly nature?: string }[];
  readonly verdicts?: Readonly<Record<string, string>>;
}

const checks = ["spf", "dkim", "dmarc", "spam", "virus"] as const;
const streams = ["ticket", "personal", null] as const;
let root: string;
let mail: Database;
let index: Database;
let messages: readonly Message[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mailweir-find-"));
  const folder = dataFolder(root);
  mail = openDatabase({ file: folder.database, folder: root });
  index = openIndex(folder);
  const pick = <T>(list: readonly T[], number: number) => list[number % list.length] as T;
  // Deterministic and irregular: rare and common values, gaps in the numbers, messages that the index does not know yet.
  messages = Array.from({ length: 700 }, (_, n) => {
    const seq = 1 + n + Math.floor(n / 7);
    const open = n % 13 === 0;
    return {
      seq,
      at: 1_000 * ((n * 37) % 700),
      words: ["alpha", ...(n % 2 ? ["beta"] : []), ...(n % 97 === 0 ? ["rare"] : [])],
      recipients: Array.from({ length: 1 + (n % 3) }, (_, r) => ({
        stream: open && n % 2 === 0 ? null : pick(streams, n * 5 + r),
        state: open ? pick(["received", "working"], n) : pick(["done", "done", "quarantined", "failed"], n + r),
        ...(n % 5 !== 0 && { nature: n % 61 === 0 ? "complaint" : "human" }),
      })),
      ...(n % 11 !== 0 && {
        verdicts: Object.fromEntries(checks.map((check, c) => [check, (n + c) % 83 === 0 ? "FAIL" : "PASS"])),
      }),
    };
  });
  const indexed = 600;
  await mail.write((tx) => {
    for (const { seq, at, recipients, verdicts } of messages) {
      tx.run("INSERT INTO ids VALUES (?, ?)", seq, `id-${seq}`);
      tx.run(
        `INSERT INTO messages (seq, received_at, mail_from, recipients, client, rule_set, size_bytes, raw)
         VALUES (?, ?, '', '[]', '{}', '', 0, 0)`,
        ...[seq, at],
      );
      recipients.forEach(({ stream, state, nature }, r) => {
        tx.run(
          `INSERT INTO recipients (seq, recipient, state, open, stream, decision, received_at, updated_at)
           VALUES (?, ?, ?, ?, ?, ?, 0, 0)`,
          ...[seq, `r${r}`, state, ["received", "working"].includes(state) ? 1 : 0, stream],
          nature === undefined ? null : JSON.stringify({ nature: { kind: nature } }),
        );
      });
      if (verdicts) tx.run("INSERT INTO verifications VALUES (?, ?)", seq, JSON.stringify({ verdicts }));
    }
  });
  await index.write((tx) => {
    for (const { seq, at, words } of messages.slice(0, indexed)) {
      tx.run("INSERT INTO docs VALUES (?, ?, ?)", seq, `id-${seq}`, at);
      tx.run(
        "INSERT INTO words (rowid, sender, recipient, subject, content, marks) VALUES (?, '', '', '', ?, '')",
        seq,
        words.join(" "),
      );
    }
    tx.run("UPDATE progress SET seq = ?", messages[indexed - 1]?.seq ?? 0);
  });
});
afterAll(async () => {
  await index.close();
  await mail.close();
  await rm(root, { recursive: true });
});

/** What the search promises, message by message. */
function holds(message: Message, place: number, condition: Condition): boolean {
  const positive = () => {
    switch (condition.kind) {
      case "words":
        return place < 600 && condition.words.every((word) => message.words.includes(word));
      case "attachment":
        return false;
      case "stream":
        return message.recipients.some(({ stream }) => (stream ?? "none") === condition.stream);
      case "nature":
        return message.recipients.some(({ nature }) => nature === condition.nature);
      case "state":
        return message.recipients.some(({ state }) =>
          condition.state === "open" ? ["received", "working"].includes(state) : state === condition.state,
        );
      case "verdict":
        return condition.check === "any"
          ? Object.values(message.verdicts ?? {}).includes(condition.status)
          : message.verdicts?.[condition.check] === condition.status;
      case "received":
        return message.at >= condition.from && message.at < condition.to;
    }
  };
  return positive() !== condition.negated;
}

const condition: fc.Arbitrary<Condition> = fc
  .tuple(
    fc.boolean(),
    fc.oneof(
      fc.constantFrom("alpha", "beta", "rare", "absent").map((word) => ({
        ...({ kind: "words", field: "all", words: [word], beginning: false } as const),
      })),
      fc.constantFrom("ticket", "personal", "none", "nowhere").map((stream) => ({ kind: "stream", stream }) as const),
      fc.constantFrom("human", "complaint", "list").map((nature) => ({ kind: "nature", nature }) as const),
      fc.constantFrom("failed", "quarantined", "done", "open").map((state) => ({ kind: "state", state }) as const),
      fc
        .tuple(fc.constantFrom("any", ...checks), fc.constantFrom("PASS", "FAIL", "GRAY"))
        .map(([check, status]) => ({ kind: "verdict", check, status }) as const),
      fc.tuple(fc.nat(700_000), fc.nat(700_000)).map(([from, to]) => ({ kind: "received", from, to }) as const),
    ),
  )
  .map(([negated, rest]) => ({ negated, ...rest }) as Condition);

test("any conditions, page by page, find just the messages that they hold for", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.array(condition, { maxLength: 4 }), fc.integer({ min: 1, max: 100 }), (conditions, limit) => {
      const found: number[] = [];
      for (let before: number | null = Number.MAX_SAFE_INTEGER; before !== null; ) {
        const from: number = before;
        const page = mail.read((sql) =>
          index.read((words) => findMessages({ mail: sql, index: words }, conditions, { limit, before: from })),
        );
        expect(page.sequences.length).toBeLessThanOrEqual(limit);
        found.push(...page.sequences);
        before = page.next;
      }
      const expected = messages
        .filter((message, place) => conditions.every((one) => holds(message, place, one)))
        .map(({ seq }) => seq);
      expect(found).toEqual(expected.reverse());
    }),
    { numRuns: 300 },
  );
});
