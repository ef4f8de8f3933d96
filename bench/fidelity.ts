import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { choices } from "../shared/receipt/choices.ts";
import { rows } from "../test/local/conformance-rows.ts";
import {
  haveSuites,
  scoreArc,
  scoreBodyHashes,
  scoreCanonicalisation,
  scoreDmarcAuthors,
  scoreMailDkim,
  scoreOtherDkim,
  scorePublicSuffixes,
  scoreSpf,
} from "../test/slow/auth-suites.ts";
import {
  certaintyList,
  choiceTable,
  disagreeList,
  replyTable,
  rowTable,
  scoreTable,
  skipList,
} from "./fidelity-page.ts";

// `npm run fidelity`: runs the checklist through the engine and the published suites through the verifier, and writes
// docs/ses-fidelity.md. Exit 1 when anything that the page claims does not hold.

const root = fileURLToPath(new URL("../", import.meta.url));

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

function runChecklist(): { readonly passed: number; readonly failed: readonly string[] } {
  const folder = mkdtempSync(join(tmpdir(), "mailweir-fidelity-"));
  const run = (name: string, args: readonly string[]) => {
    const file = join(folder, name);
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    spawnSync(process.execPath, [vitest, "run", ...args, "--reporter=json", `--outputFile=${file}`], {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
    });
    const report = JSON.parse(readFileSync(file, "utf8")) as Report;
    return report.testResults.flatMap(({ assertionResults }) => assertionResults);
  };
  try {
    const results = [
      ...run("quick.json", ["test/local/conformance"]),
      ...run("slow.json", ["--config", "vitest.slow.config.ts", "test/slow/waiting/conformance"]),
    ];
    const passing = Object.keys(rows).filter((number) => {
      const own = results.filter(({ title }) => title.startsWith(`§13 row ${number}: `));
      return own.length > 0 && own.every(({ status }) => status === "passed");
    });
    return {
      passed: passing.length,
      failed: [
        ...Object.keys(rows)
          .filter((number) => !passing.includes(number))
          .map((number) => `row ${number}`),
        ...results.filter(({ status }) => status !== "passed").map(({ title }) => title),
      ],
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (!haveSuites) {
  process.stderr.write("fidelity: the published suites are not here (../shared/corpus/auth): nothing was written\n");
  process.exit(1);
}
const checklist = runChecklist();
const suites = [
  { title: "SPF (RFC 7208)", scores: await scoreSpf() },
  {
    title: "DKIM (RFC 6376, 8301, 8463)",
    scores: [
      await scoreMailDkim(),
      ...(await scoreOtherDkim()),
      await scoreBodyHashes(),
      await scoreCanonicalisation(),
    ],
  },
  { title: "ARC (RFC 8617)", scores: await scoreArc() },
  { title: "DMARC (RFC 9989)", scores: [await scoreDmarcAuthors(), await scorePublicSuffixes()] },
];
const everything = suites.flatMap(({ scores }) => scores);
const count = Object.keys(rows).length;

const page = `# How faithful this is to SES

Written by \`npm run fidelity\`, which runs everything that it reports; do not edit it by hand. What SES documents, or what has
been seen in real messages, is followed to the byte. Where nobody knows, one named choice says what we do.

## The checklist

${checklist.passed} of ${count} rows hold, each by a test that drives the whole engine by SMTP. **F**: evidence fixes it; a failing
test means that the engine is wrong. **C**: a choice, and the test holds the configured default.

${rowTable()}

## Published suites

${suites.map(({ title, scores }) => `### ${title}\n\n${scoreTable(scores)}\n\n${skipList(scores)}`).join("\n\n")}

${disagreeList(everything)}

A signature of SHA-1, of a key under 1024 bits or from before RFC 4871 is verified and reported as valid, as those suites
want it, but it never counts: no verdict PASS, no DMARC pass, no trust (RFC 8301).

## What is not established

${Object.keys(choices).length} choices, in \`shared/receipt/choices.ts\`. Those with a setting can be changed in
\`mailweir.config.ts\`, the others in the file named.

${certaintyList()}

${choiceTable()}

## What the endpoint says

SES's texts where they have been seen in senders' logs, else those of the RFCs. One text may serve several cases.

${replyTable()}

## The SES API

Messages and their order are those of live probes (\`ses-receiving.md\` §9.3), all of them in tests; what is not known of AWS, or
different here on purpose, stands in [ses-api.md](ses-api.md#different-from-aws-or-not-known-of-aws).
`;

writeFileSync(join(root, "docs/ses-fidelity.md"), page);
const disagreeing = everything.flatMap(({ disagree }) => disagree);
for (const failure of checklist.failed) process.stderr.write(`fidelity: failed: ${failure}\n`);
process.stdout.write(
  `docs/ses-fidelity.md: ${checklist.passed} of ${count} rows, ${everything.reduce((sum, { agree }) => sum + agree, 0)} of ${everything.reduce((sum, { total }) => sum + total, 0)} published tests agree, ${disagreeing.length} disagree\n`,
);
process.exitCode = checklist.failed.length + disagreeing.length === 0 ? 0 : 1;
