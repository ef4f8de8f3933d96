import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readLabels } from "../../../cli/score-natures.ts";
import { understandMail } from "../../../cli/understand-mail.ts";
import { mailFiles, mutateAll } from "../../slow/mutate-mails.ts";

const corpus = "../shared/corpus";
const options = { recipients: [], fromSes: false };

describe.skipIf(!existsSync(corpus))("the corpus (skipped where ../shared is missing)", () => {
  test("headers and body agree wherever the headers can decide, and no automatic mail is acted upon", async () => {
    const acting = new Set(["human", "unsubscribe-request"]);
    const wrong: string[] = [];
    let decided = 0;
    for (const { path, nature } of readLabels(readFileSync(join(corpus, "labels.tsv"), "utf8"))) {
      if (nature === undefined) continue;
      const { judgement, headerJudgement } = await understandMail(readFileSync(join(corpus, path)), options);
      if (headerJudgement.complete) {
        decided++;
        if (headerJudgement.nature.kind !== judgement.nature.kind)
          wrong.push(`${path}: headers ${headerJudgement.nature.kind}`);
      }
      if (!acting.has(nature) && nature !== "list" && acting.has(judgement.nature.kind))
        wrong.push(`${path}: ${judgement.nature.kind}`);
    }
    expect(wrong).toEqual([]);
    expect(decided).toBeGreaterThan(900);
  });
});

test("mutations of our own fixtures neither throw nor hang", async () => {
  const { slowestMs } = await mutateAll(mailFiles("test/mail"), 300);
  expect(slowestMs).toBeLessThan(2000);
});
