// Adds up vitest's JSON reports. A suite without a report did not run: it counts as failed. Runs on any Node.
import { readFileSync } from "node:fs";

const [, , failedSteps, ...reports] = process.argv;
let passed = 0;
let failed = Number(failedSteps);
let skipped = 0;
const failures = [];
for (const report of reports) {
  const result = JSON.parse(readFileSync(report, "utf8"));
  passed += result.numPassedTests;
  failed += result.numFailedTests;
  skipped += result.numPendingTests + (result.numTodoTests ?? 0);
  // The step that ran this suite failed because of these tests: count them, not the step as well.
  if (result.numFailedTests > 0 && !result.success) failed -= 1;
  for (const file of result.testResults) {
    if (file.status === "failed" && file.message) failures.push(`failed: ${file.name}\n${file.message}`);
    for (const test of file.assertionResults ?? []) {
      if (test.status === "failed")
        failures.push(`failed: ${file.name}: ${test.fullName}\n${test.failureMessages?.join("\n")}`);
      if (test.status === "pending" || test.status === "skipped") process.stdout.write(`skipped: ${test.fullName}\n`);
    }
  }
}
// Last, so that who reads only the end of a long log sees them.
for (const failure of failures) process.stdout.write(`${failure.slice(0, 4_000)}\n`);
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
