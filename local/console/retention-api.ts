import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import * as z from "zod";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Clock, Ports } from "../../shared/ports.ts";
import { manageSuppressions } from "../../shared/unsubscribe/manage.ts";
import { ForgetRefusedError, ForgetUnfinishedError, NoAddressError } from "../retention/errors.ts";
import { type ForgetParts, forgetAddress, tryToForget } from "../retention/forget-address.ts";
import { createHolds } from "../retention/holds.ts";
import type { Search } from "../search/open-search.ts";
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
  readonly config: ResolvedConfig;
  readonly store: Store;
  readonly ports: Ports;
  readonly search: Pick<Search, "forget" | "sweep">;
  readonly clock: Clock;
}

/** Forgetting an address, and what must not be forgotten. */
export function serveRetention(api: Hono<{ Bindings: HttpBindings }>, parts: RetentionParts): void {
  const { config, store, ports, search, clock } = parts;
  const holds = createHolds(store.database);
  const forgetting: ForgetParts = {
    store,
    search,
    forgetPerson: async (address) => (await manageSuppressions(ports)).forget({ address }),
    configuration: JSON.stringify(config),
  };

  api.post("/forget", async (c) => {
    const body = await jsonBody(c, forgetAddressBody, 10_000);
    if ("refused" in body) return body.refused;
    const { address, dryRun } = body.value;
    return answer(c, () => (dryRun === true ? tryToForget(forgetting, address) : forgetAddress(forgetting, address)));
  });

  api.get("/holds", (c) => c.json({ holds: holds.list() }));
  api.post("/holds", async (c) => {
    const body = await jsonBody(c, holdBody, 10_000);
    if ("refused" in body) return body.refused;
    await holds.hold({ ...body.value, at: clock.now().toISOString() });
    return c.json({ held: true });
  });
  api.post("/holds/release", async (c) => {
    const body = await jsonBody(c, releaseHoldBody, 10_000);
    if ("refused" in body) return body.refused;
    return c.json({ released: await holds.release(body.value.subject) });
  });

  async function answer(c: Context, act: () => Promise<object>): Promise<Response> {
    try {
      return c.json(await act());
    } catch (error) {
      if (error instanceof NoAddressError) return problem(c, 400, error.message, error.code);
      if (error instanceof ForgetRefusedError) return problem(c, 409, error.message, error.code);
      if (error instanceof ForgetUnfinishedError) return problem(c, 503, error.message, error.code);
      throw error;
    }
  }
}
