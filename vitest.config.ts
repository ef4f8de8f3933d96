import { defineConfig } from "vitest/config";

// The slower suites (browser, real daemons, big messages, crash rounds) have their own script; see .ci/run.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/slow/**", "node_modules/**"],
    // Real disks and a busy machine: a time-out here means that something hangs, not that it is slow.
    testTimeout: 90_000,
    hookTimeout: 90_000,
    teardownTimeout: 90_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default"],
  },
});
