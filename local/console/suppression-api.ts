import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import * as z from "zod";
import { type Ports, suppressionReasons } from "../../shared/ports.ts";
import { manageSuppressions, SuppressionInputError, type SuppressionManager } from "../../shared/unsubscribe/manage.ts";
import type { Database } from "../store/database.ts";
import { settleCompaction } from "../store/owed-compaction.ts";
import { suppressionCursor } from "../store/suppressions.ts";
import { limitOf, nextOf } from "./paging.ts";
import { problem } from "./problem.ts";

// A thousand rows with addresses as long as they may be.
const maxBodyBytes = 1_000_000;
const compactionTries = 20;

const address = z.string().max(400).optional();
const person = z.string().max(40).optional();
const list = z.string().max(70).optional();
const note = z.string().max(500).optional();
export const addBody = z.strictObject({ address, person, list, note });
export const removeBody = z.strictObject({ address, person, list, note, forgotten: z.boolean().optional() });
export const forgetBody = z.strictObject({ address, person });
const row = z.strictObject({
  address,
  person,
  list,
  reason: z.enum(suppressionReasons).optional(),
  since: z.string().max(50).optional(),
  until: z.string().max(50).optional(),
});
export const importBody = z.strictObject({ rows: z.array(row).max(1_000), source: z.string().min(1).max(200) });

/** The suppression list: seen, asked, changed by hand, imported, forgotten. */
export function serveSuppressions(
  api: Hono<{ Bindings: HttpBindings }>,
  ports: Ports,
  database: Pick<Database, "read" | "write" | "compact">,
): void {
  const { suppressions } = ports;

  api.get("/suppressions", async (c) => {
    const limit = limitOf(c, 1_000);
    const after = c.req.query("after");
    const page = await suppressions.list({ limit, ...(after !== undefined && { after }) });
    return c.json({ suppressions: page, next: nextOf(page, limit, suppressionCursor) });
  });

  api.get("/suppressions/check", (c) => {
    const given = Object.fromEntries(
      (["address", "person", "list"] as const).flatMap((name) => {
        const value = c.req.query(name);
        return value === undefined ? [] : [[name, value]];
      }),
    );
    return answer(c, (manager) => manager.check(given));
  });

  const post = <Body>(
    path: string,
    schema: z.ZodType<Body>,
    act: (manager: SuppressionManager, body: Body) => Promise<object>,
  ) =>
    api.post(path, async (c) => {
      if (Number(c.req.header("content-length") ?? 0) > maxBodyBytes) {
        return problem(c, 413, `The request is longer than ${maxBodyBytes} octets: send fewer rows at a time.`);
      }
      const parsed = schema.safeParse(await c.req.json().catch(() => undefined));
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        return problem(
          c,
          400,
          `The request's JSON is wrong: ${[issue?.path.join("."), issue?.message].filter(Boolean).join(": ")}`,
        );
      }
      // zod says `undefined` where the types say absent.
      return answer(c, (manager) => act(manager, JSON.parse(JSON.stringify(parsed.data)) as Body));
    });

  type Given<T> = { [Name in keyof T]: Exclude<T[Name], undefined> };
  post("/suppressions", addBody, async (manager, body) => ({ result: await manager.add(body as Given<typeof body>) }));
  post("/suppressions/remove", removeBody, async (manager, body) => ({
    result: await manager.remove(body as Given<typeof body>),
  }));
  post("/suppressions/forget", forgetBody, async (manager, body) => {
    const forgotten = await manager.forget(body as Given<typeof body>);
    // What a reader keeps from being emptied now is done at the next time, or at the next start.
    await settleCompaction(database, compactionTries);
    return forgotten;
  });
  post("/suppressions/import", importBody, (manager, { rows, source }) =>
    manager.importRows(rows as Given<(typeof rows)[number]>[], source),
  );

  async function answer(c: Context, act: (manager: SuppressionManager) => Promise<object>): Promise<Response> {
    try {
      return c.json(await act(await manageSuppressions(ports)));
    } catch (error) {
      if (error instanceof SuppressionInputError) return problem(c, 400, error.message, error.code);
      throw error;
    }
  }
}
