import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../../local/engine.ts";
import type { MailConfig } from "../../../shared/config/types.ts";
import { startKit } from "../../../testing/start.ts";
import { checkDescribed } from "./described.ts";

export interface ConsoleEngine {
  readonly engine: Engine;
  /** What `engine.json` tells the tools of this machine. */
  readonly token: string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Sends a mail through the API; answers its id, or throws with the reply. */
  send(raw: string, to: readonly string[], more?: Readonly<Record<string, string>>): Promise<string>;
  /** Resolves when every recipient of every message has ended. */
  ended(): Promise<void>;
  close(): Promise<void>;
}

/** The whole engine on free ports in a folder of its own, with a zone file instead of the network. */
export async function startConsoleEngine(more: Partial<MailConfig> = {}): Promise<ConsoleEngine> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-console-"));
  const zone = join(folder, "zone.json");
  await writeFile(zone, JSON.stringify({ "sender.example": { TXT: [["v=spf1 ip4:203.0.113.25 -all"]] } }));
  const { mailweir, engine: running } = await startKit(
    {
      config: {
        domains: ["example.com"],
        streams: {
          ticket: { recipients: ["support@example.com"] },
          unsubscribe: { recipients: ["unsubscribe@example.com"] },
          personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
        },
        rejects: [{ recipients: ["old@example.com"], template: "mailbox-does-not-exist" }],
        ...more,
        local: { dns: { zone }, ...more.local },
      },
      folder,
      // These tests look at what a browser sees, in its own time.
      now: new Date(),
      clock: "ticking",
    },
    "configured",
  );
  const engine = running();
  const { token } = mailweir;
  // Every answer that a test gets is one that the API's description knows.
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(new URL(path, engine.http), init);
    await checkDescribed(init?.method ?? "GET", path, response);
    return response;
  };
  return {
    engine,
    token,
    fetch: get,
    async send(raw, to, more = {}) {
      const query = new URLSearchParams({ from: "ann@sender.example", ip: "203.0.113.25", helo: "mx.sender.example" });
      for (const [name, value] of Object.entries(more)) query.set(name, value);
      for (const recipient of to) query.append("to", recipient);
      const response = await get(`/api/messages?${query}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "message/rfc822" },
        body: raw,
      });
      const answer = (await response.json()) as { sesMessageId: string | null; reply: string };
      if (answer.sesMessageId === null) throw new Error(answer.reply);
      return answer.sesMessageId;
    },
    async ended() {
      for (;;) {
        await mailweir.settled();
        const { unended, byStream } = await engine.store.engine.status();
        const open = Object.values(byStream).flatMap((states) =>
          Object.entries(states).filter(([state]) => !["done", "quarantined", "failed"].includes(state)),
        );
        if (unended === 0 && open.length === 0) return;
        // What is tried again is due in this clock's time.
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    async close() {
      await mailweir.stop();
      await rm(folder, { recursive: true });
    },
  };
}

export function mail(subject: string, body = "Hello.", headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({
    From: "Ann Sender <ann@sender.example>",
    To: "support@example.com",
    Subject: subject,
    "Message-ID": `<${subject.replace(/[^a-z0-9]+/gi, "-")}@sender.example>`,
    Date: "Tue, 04 Aug 2026 09:15:02 +0000",
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`);
  return `${lines.join("\r\n")}\r\n\r\n${body}\r\n`;
}
