import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import * as z from "zod";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { normaliseAddress } from "../../shared/mail/address.ts";
import type { Clock } from "../../shared/ports.ts";
import type { RuleSet } from "../../shared/receipt/model.ts";
import { parseSesMessageId, type SesMessageId } from "../../shared/ses-message-id.ts";
import type { Arrival } from "../../shared/streams/fan-out.ts";
import { messageContent } from "../../shared/streams/message-content.ts";
import {
  applyReplay,
  type PreparedReplay,
  prepareReplay,
  type Replayed,
  type ReplayPlan,
  type ReplayStage,
  replayStages,
} from "../../shared/streams/replay.ts";
import type { Verify } from "../actions/verify.ts";
import type { Search } from "../search/open-search.ts";
import { SearchSyntaxError } from "../search/parse-query.ts";
import type { Verification } from "../store/engine-store.ts";
import type { Store } from "../store/open-store.ts";
import { storedContentOf } from "../store/stored-content.ts";
import { jsonBody } from "./json-body.ts";
import { problem } from "./problem.ts";

export interface ReplayParts {
  readonly config: ResolvedConfig;
  readonly store: Store;
  readonly search: Pick<Search, "find">;
  readonly verify: Verify;
  readonly clock: Clock;
}

/** `POST /api/replay`; documented in docs/http-api.md. */
export interface ReplayAnswer {
  readonly dryRun: boolean;
  readonly messages: readonly (ReplayPlan & {
    readonly subject: string | null;
    /** What was done; null with `dryRun`, and for a message that could not be replayed. */
    readonly replayed: readonly Replayed[] | null;
    readonly error: string | null;
  })[];
  /** With a search: give it as `before` to go on; null at the end. */
  readonly next: number | null;
}

// Each is read and parsed: what one request may take.
const maxMessages = 50;

export const replayBody = z
  .strictObject({
    from: z.enum(replayStages),
    messages: z.array(z.string()).min(1).max(maxMessages).optional(),
    q: z.string().max(1_000).optional(),
    before: z.number().int().positive().optional(),
    limit: z.number().int().min(1).max(maxMessages).optional(),
    recipients: z.array(z.string().max(320)).min(1).max(100).optional(),
    dryRun: z.boolean().optional(),
  })
  .refine(({ messages, q }) => (messages === undefined) !== (q === undefined), "name either messages or a search q");

/** Sends messages through the pipeline again, or says what that would change. */
export function serveReplay(api: Hono<{ Bindings: HttpBindings }>, parts: ReplayParts): void {
  const { config, store, search, clock } = parts;

  api.post("/replay", async (c) => {
    const body = await jsonBody(c, replayBody, 100_000);
    if ("refused" in body) return body.refused;
    const { from, messages, q, before, limit = maxMessages, recipients, dryRun = false } = body.value;
    const only = recipients?.map(normaliseAddress);
    let ids: SesMessageId[] = [];
    let next: number | null = null;
    if (q !== undefined) {
      try {
        const page = await search.find(q, { limit, ...(before !== undefined && { before }) });
        ids = page.messages.map(({ sesMessageId }) => sesMessageId);
        ({ next } = page);
      } catch (error) {
        if (!(error instanceof SearchSyntaxError)) throw error;
        const { position, length } = error;
        return problem(c, 400, error.message, error.code, { position, length });
      }
    } else {
      for (const text of messages ?? []) {
        const id = parseSesMessageId(text);
        if (!id || !(await store.engine.message(id))) {
          return problem(c, 404, `There is no message ${text.slice(0, 100)}: GET /api/messages lists those that are.`);
        }
        ids.push(id);
      }
    }
    const answers: ReplayAnswer["messages"][number][] = [];
    for (const id of ids) answers.push(await replayOne(id, from, only, dryRun));
    return c.json({ dryRun, messages: answers, next } satisfies ReplayAnswer);
  });

  async function replayOne(
    id: SesMessageId,
    from: ReplayStage,
    only: readonly string[] | undefined,
    dryRun: boolean,
  ): Promise<ReplayAnswer["messages"][number]> {
    let prepared: PreparedReplay | undefined;
    let subject: string | null = null;
    try {
      const known = await arrivalOf(parts, id, from);
      const mail = await known.arrival.mail();
      subject = mail.subject?.slice(0, 200) ?? null;
      prepared = await prepareReplay(store.ports, config, { ...known, from, ...(only && { only }) });
      if (dryRun) return { ...prepared.plan, subject, replayed: null, error: null };
      if (known.verification) await store.engine.replaceVerification(id, known.verification);
      const why = `replayed from ${from} at ${clock.now().toISOString()}`;
      return {
        ...prepared.plan,
        subject,
        replayed: await applyReplay(store.ports, config, prepared, why),
        error: null,
      };
    } catch (error) {
      // One message that cannot be read must not keep the others from being replayed.
      const plan = prepared?.plan ?? { sesMessageId: id, from, recipients: [], verdicts: [] };
      return { ...plan, subject, replayed: null, error: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** A message as the router would be told of it now; with `raw`, after authentication and scan were done once more. */
async function arrivalOf(
  { store, verify }: ReplayParts,
  id: SesMessageId,
  from: ReplayStage,
): Promise<{ arrival: Arrival; recorded: Verification["verdicts"]; verification?: Verification }> {
  const { engine, ports } = store;
  const message = await engine.message(id);
  const recorded = await engine.verification(id);
  if (!message || !recorded) throw new Error("it has not been through authentication and scan yet: wait for its end");
  const ruleSet = await engine.ruleSetSnapshot(message.ruleSetSnapshot);
  const scanned = recorded.verdicts.spam !== "DISABLED" || recorded.verdicts.virus !== "DISABLED" || wantsScan(ruleSet);
  const verification = from === "raw" ? await verify(message, () => engine.openRaw(id), scanned) : undefined;
  const content = await storedContentOf(engine, id);
  if (!content) throw new Error("no rule stored it, so no worker could read it: send it again instead");
  const read = messageContent(ports, id, content);
  const mail = await read.mail();
  return {
    recorded: recorded.verdicts,
    ...(verification && { verification }),
    arrival: {
      sesMessageId: id,
      receivedAt: message.receivedAt.toISOString(),
      from: message.from,
      recipients: message.recipients,
      verdicts: (verification ?? recorded).verdicts,
      headers: mail.headers,
      headersTruncated: false,
      content,
      mail: async () => mail,
    },
  };
}

const wantsScan = (ruleSet: RuleSet | undefined) => ruleSet?.rules.some(({ scanEnabled }) => scanEnabled) === true;
