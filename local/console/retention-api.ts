import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import * as z from "zod";
import type { Clock } from "../../shared/ports.ts";
import {
  ForgetRefusedError,
  ForgetUnfinishedError,
  HoldTooLateError,
  NoAddressError,
} from "../../shared/retention/errors.ts";
import type { ForgetRun, Forgetting } from "../retention/forgetting.ts";
import { createHolds } from "../retention/holds.ts";
import type { Store } from "../store/open-store.ts";
import { jsonBody } from "./json-body.ts";
import { problem } from "./problem.ts";

export const forgetAddressBody = z.strictObject({
  address: z.string().min(1).max(400),
  dryRun: z.boolean().optional(),
});
export const holdBody = z.strictObject({
  subject: z.string().min(1).max(400),
  reason: z.string().min(1).max(500),
  by: z.string().min(1).max(200),
});
export const releaseHoldBody = z.strictObject({ subject: z.string().min(1).max(400) });

export interface RetentionParts {
  readonly store: Pick<Store, "database">;
  readonly forgetting: Forgetting;
  readonly clock: Clock;
}

const answerWithinMs = 2_000;

/** Forgetting an address, and what must not be forgotten. */
export function serveRetention(api: Hono<{ Bindings: HttpBindings }>, parts: RetentionParts): void {
  const { store, forgetting, clock } = parts;
  const holds = createHolds(store.database);
  api.post("/forget", async (c) => {
    const body = await jsonBody(c, forgetAddressBody, 10_000);
    if ("refused" in body) return body.refused;
    const { address, dryRun } = body.value;
    return answer(c, forgetting.begin(address, dryRun === true ? "look" : "forget"));
  });

  api.get("/forget/:run", async (c) => {
    const run = forgetting.run(c.req.param("run"));
    return run ? answer(c, run) : problem(c, 404, "No such run: the engine was started again since. Ask for it anew.");
  });

  api.get("/holds", (c) => c.json({ holds: holds.list() }));
  api.post("/holds", async (c) => {
    const body = await jsonBody(c, holdBody, 10_000);
    if ("refused" in body) return body.refused;
    try {
      await holds.hold({ ...body.value, at: clock.now().toISOString() });
    } catch (error) {
      if (error instanceof HoldTooLateError) return problem(c, 409, error.message, error.code);
      throw error;
    }
    return c.json({ held: true });
  });
  api.post("/holds/release", async (c) => {
    const body = await jsonBody(c, releaseHoldBody, 10_000);
    if ("refused" in body) return body.refused;
    return c.json({ released: await holds.release(body.value.subject) });
  });

  /** What came of it; or, when that takes longer than a connection should wait, where to ask again. */
  async function answer(c: Context, run: ForgetRun): Promise<Response> {
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, answerWithinMs);
    try {
      const result = await Promise.race([run.result, late]);
      return result === undefined ? c.json({ run: run.id, progress: run.progress() ?? null }, 202) : c.json(result);
    } catch (error) {
      if (error instanceof NoAddressError) return problem(c, 400, error.message, error.code);
      if (error instanceof ForgetRefusedError) return problem(c, 409, error.message, error.code);
      if (error instanceof ForgetUnfinishedError) return problem(c, 503, error.message, error.code);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
