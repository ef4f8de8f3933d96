import { setTimeout as sleep } from "node:timers/promises";
import type { ConsoleEngine } from "../console/console-engine.ts";

/** The engine's last word about a forgetting: a busy machine answers 202 first, and is asked again. */
export async function askToForget(
  running: ConsoleEngine,
  body: { readonly address: string; readonly dryRun?: boolean },
): Promise<Response> {
  const headers = { authorization: `Bearer ${running.token}`, "content-type": "application/json" };
  let answer = await running.fetch("/api/forget", { method: "POST", headers, body: JSON.stringify(body) });
  while (answer.status === 202) {
    const { run } = (await answer.json()) as { readonly run: string };
    await sleep(50);
    answer = await running.fetch(`/api/forget/${encodeURIComponent(run)}`, { headers });
  }
  return answer;
}
