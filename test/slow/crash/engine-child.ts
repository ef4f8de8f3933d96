import { appendFileSync, renameSync, writeFileSync } from "node:fs";
import { startEngine } from "../../../local/engine.ts";
import { openStore, type Store } from "../../../local/store/open-store.ts";

// The engine as `mailweir start` starts it, with a name for every step that it takes: `<port>.<method>` before it is asked for
// something, `<port>.<method> done` when that is durable. Arguments: configuration file, data folder. The environment says
// at which step, and at which of its occurrences, the process ends.
const [configPath = "", data = ""] = process.argv.slice(2);
const { MAILWEIR_STEP: fatalStep, MAILWEIR_STEPS_SEEN: seenFile } = process.env;
let remaining = Number(process.env["MAILWEIR_STEP_NUMBER"] ?? 1);
const seen = new Set<string>();

function at(step: string): void {
  if (seenFile && !seen.has(step)) {
    seen.add(step);
    appendFileSync(seenFile, `${step}\n`);
  }
  if (step !== fatalStep) return;
  remaining -= 1;
  if (remaining === 0) process.kill(process.pid, "SIGKILL");
}

/** The same object, whose asynchronous methods say when they begin and when they are done. */
function named<T extends object>(name: string, port: T): T {
  return new Proxy(port, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property);
      if (typeof member !== "function" || typeof property !== "string") return member;
      return (...args: readonly unknown[]) => {
        const step = `${name}.${property}`;
        at(step);
        const answer: unknown = Reflect.apply(member, target, args);
        if (!(answer instanceof Promise)) return answer;
        return answer.then((value: unknown) => {
          at(`${step} done`);
          return value;
        });
      };
    },
  });
}

const engine = await startEngine({
  configPath,
  data,
  smtp: "127.0.0.1:0",
  http: "127.0.0.1:0",
  stderr: "all",
  openStore: async (options): Promise<Store> => {
    at("open");
    const store = await openStore(options);
    at("open done");
    const ports = Object.fromEntries(
      Object.entries(store.ports).map(([name, port]) => [name, named(name, port as object)]),
    );
    return { ...store, engine: named("engine", store.engine), ports: ports as unknown as Store["ports"] };
  },
});
const memoryFile = process.env["MAILWEIR_MEMORY"];
if (memoryFile) {
  // What is alive, without what only waits to be collected.
  setInterval(() => {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(`${memoryFile}.new`, String(heapUsed + external));
    renameSync(`${memoryFile}.new`, memoryFile);
  }, 1_000).unref();
}
process.stdout.write(
  `${JSON.stringify({ event: "ready", smtp: engine.smtp, http: engine.http, data: engine.data })}\n`,
);
process.once("SIGTERM", () => void engine.stop());
await engine.stopped;
process.exit(0);
