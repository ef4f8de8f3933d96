import { defineConfig } from "vitest/config";

// The slower suites (browser, real daemons, big messages, crash rounds) have their own script; see .ci/run.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/slow/**", "node_modules/**"],
    testTimeout: 20_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default"],
  },
});
