import { defineConfig } from "vitest/config";

// Real daemons, a real browser, big messages, killed engines: one file at a time, since they share ports and two cores.
export default defineConfig({
  test: {
    include: ["test/slow/**/*.test.ts"],
    testTimeout: 600_000,
    hookTimeout: 300_000,
    // Browsers and daemons take the time that a busy machine leaves them.
    expect: { poll: { timeout: 30_000 } },
    pool: "forks",
    fileParallelism: false,
    reporters: ["default"],
  },
});
