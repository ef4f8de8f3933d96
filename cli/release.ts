import { randomBytes } from "node:crypto";
import { type EngineInfo, lockFolder } from "../local/store/lock.ts";
import { openStore } from "../local/store/open-store.ts";
import { loadConfig } from "../shared/config/load-config.ts";
import { deriveLocalTopology } from "../shared/config/local-topology.ts";
import type { SesMessageId } from "../shared/ses-message-id.ts";
import { releaseFromQuarantine } from "../shared/streams/release.ts";
import { EngineRefusedError } from "./call-engine.ts";

export type Released =
  | { readonly kind: "released"; readonly recipient: string; readonly stream: string }
  | { readonly kind: "already-released"; readonly recipient: string };

const timeoutMs = 15_000;

/**
 * Asks the running engine, which does the work at once.
 *
 * @throws {EngineRefusedError}
 */
export async function releaseInEngine(
  { http, token }: Pick<EngineInfo, "http" | "token">,
  sesMessageId: SesMessageId,
  recipients: readonly string[],
): Promise<Released[]> {
  const released: Released[] = [];
  for (const recipient of recipients) {
    const url = `http://${http}/api/quarantine/${sesMessageId}/${encodeURIComponent(recipient)}/release`;
    const answer = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((cause: unknown) => {
      throw new EngineRefusedError(`The engine at http://${http} does not answer: see its log, and try again`, {
        cause,
      });
    });
    const body = (await answer.json().catch(() => ({}))) as { kind?: unknown; stream?: unknown; detail?: unknown };
    if (body.kind === "released" && typeof body.stream === "string") {
      released.push({ kind: "released", recipient, stream: body.stream });
    } else if (body.kind === "already-released") released.push({ kind: "already-released", recipient });
    else throw new EngineRefusedError(`Not released for ${recipient}: ${body.detail ?? `HTTP ${answer.status}`}`);
  }
  return released;
}

/**
 * Without an engine: writes into the folder under its lock; the stream's queue keeps the message for the next start.
 *
 * @throws {FolderInUseError} when an engine has just started there
 */
export async function releaseInStore(
  folder: string,
  configFile: string | undefined,
  sesMessageId: SesMessageId,
  recipients: readonly string[],
): Promise<Released[]> {
  const config = await loadConfig(configFile ?? "mailweir.config.ts");
  const lock = await lockFolder(folder);
  try {
    const store = await openStore({
      folder,
      topology: deriveLocalTopology(config),
      clock: { now: () => new Date() },
      random: { bytes: (count) => new Uint8Array(randomBytes(count)) },
    });
    try {
      const released: Released[] = [];
      for (const recipient of recipients) {
        const result = await releaseFromQuarantine(store.ports, config, sesMessageId, recipient);
        released.push(
          result.kind === "released"
            ? { kind: "released", recipient, stream: result.stream }
            : { kind: "already-released", recipient },
        );
      }
      return released;
    } finally {
      await store.close();
    }
  } finally {
    await lock.release();
  }
}
