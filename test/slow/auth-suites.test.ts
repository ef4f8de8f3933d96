import { readFileSync } from "node:fs";
import { spf as mailauthSpf } from "mailauth";
import { describe, expect, test } from "vitest";
import { scoreTable, skipList } from "../../bench/fidelity-page.ts";
import {
  agrees,
  haveSuites,
  ourSpf,
  scoreArc,
  scoreBodyHashes,
  scoreCanonicalisation,
  scoreDmarcAuthors,
  scoreMailDkim,
  scoreOtherDkim,
  scorePublicSuffixes,
  scoreSpf,
  spfCases,
  spfSkips,
} from "./auth-suites.ts";

const reason = "the published suites are not here (../shared/corpus/auth)";

describe.skipIf(!haveSuites)(haveSuites ? "published suites" : `published suites: ${reason}`, () => {
  test("SPF: every test of every suite agrees", async () => {
    const scores = await scoreSpf();
    expect(scores.flatMap(({ disagree }) => disagree)).toEqual([]);
    expect(scores.map(({ suite, agree, skipped, total }) => [suite, agree, skipped.length, total])).toEqual([
      ["rfc7208-tests", 118, 0, 118],
      ["pyspf-tests", 13, 0, 13],
      ["stalwart-a", 16, 0, 16],
      ["stalwart-all", 5, 1, 6],
      ["stalwart-exists", 3, 1, 4],
      ["stalwart-ip", 12, 1, 13],
      ["stalwart-mx", 16, 0, 16],
      ["stalwart-redirect", 7, 0, 7],
    ]);
  });

  test("SPF: where mailauth's own evaluator and ours differ, the suite is on our side", async () => {
    const differences: string[] = [];
    for (const given of spfCases()) {
      const ours = await ourSpf(given);
      const theirs = await mailauthSpf({
        ip: given.ip,
        helo: given.helo,
        // mailauth takes a null sender from HELO when told so.
        sender: given.mailFrom === "" ? `postmaster@${given.helo}` : given.mailFrom,
        resolver: given.resolver as never,
        mta: "receiver.example",
        strict: true,
      }).then(
        ({ status }) => status.result,
        (error: unknown) => `threw ${error}`,
      );
      if (theirs === ours.result || spfSkips(given.suite, given.name) !== undefined) continue;
      expect(agrees(given, ours), `${given.suite} ${given.name}`).toBe(true);
      differences.push(`${given.suite} ${given.name}`);
    }
    // Few enough to be read one by one: mailauth is a second opinion on everything else.
    expect(differences.length).toBeLessThanOrEqual(12);
  });

  test("DKIM: Mail::DKIM's corpus agrees but for what RFC 6376 made historic", async () => {
    const { disagree, agree, skipped, total } = await scoreMailDkim();
    expect(disagree).toEqual([]);
    expect({ agree, skipped: skipped.length, total }).toEqual({ agree: 26, skipped: 16, total: 42 });
  });

  test("DKIM: Stalwart's, dkimpy's, jDKIM's and SpamAssassin's messages", async () => {
    const scores = await scoreOtherDkim();
    expect(scores.flatMap(({ disagree }) => disagree)).toEqual([]);
    expect(scores.map(({ suite, agree, skipped, total }) => [suite, agree, skipped.length, total])).toEqual([
      ["dkim/stalwart", 3, 0, 3],
      ["dkim/dkimpy", 2, 0, 2],
      ["dkim/jdkim", 1, 0, 1],
      ["dkim/spamassassin (keys are gone: body hashes)", 32, 12, 44],
    ]);
  });

  test("ARC: ValiMail's suite agrees but for five that RFC 8617 and RFC 8301 overrule", async () => {
    const scores = await scoreArc();
    expect(scores.flatMap(({ disagree }) => disagree)).toEqual([]);
    expect(scores.map(({ agree, skipped, total }) => [agree, skipped.length, total])).toEqual([
      [102, 5, 107],
      [2, 0, 2],
      [3, 0, 3],
      [1, 1, 2],
    ]);
  });

  test("canonical forms, body hashes, author domains and public suffixes of other suites", async () => {
    const scores = await Promise.all([
      scoreCanonicalisation(),
      scoreBodyHashes(),
      scoreDmarcAuthors(),
      scorePublicSuffixes(),
    ]);
    expect(scores.flatMap(({ disagree }) => disagree)).toEqual([]);
    expect(scores.map(({ agree, skipped, total }) => [agree, skipped.length, total])).toEqual([
      [17, 1, 18],
      [8, 0, 8],
      [16, 0, 16],
      [32, 3, 35],
    ]);
  });

  test("docs/ses-fidelity.md shows these scores", async () => {
    const page = readFileSync(new URL("../../docs/ses-fidelity.md", import.meta.url), "utf8");
    const scores = [
      await scoreSpf(),
      [await scoreMailDkim(), ...(await scoreOtherDkim()), await scoreBodyHashes(), await scoreCanonicalisation()],
      await scoreArc(),
      [await scoreDmarcAuthors(), await scorePublicSuffixes()],
    ];
    for (const one of scores) {
      expect(page.includes(scoreTable(one)), "out of date: npm run fidelity").toBe(true);
      expect(page.includes(skipList(one)), "out of date: npm run fidelity").toBe(true);
    }
  });
});
