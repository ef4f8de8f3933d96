import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import * as z from "zod";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { normaliseAddress } from "../../shared/mail/address.ts";
import type { Ports, TicketChange, TicketFilter } from "../../shared/ports.ts";
import { askAnswer } from "../../shared/tickets/ask-answer.ts";
import { limitOf, orderOf, wholeNumber } from "./paging.ts";
import { problem } from "./problem.ts";

const noTicket = "There is no such ticket: GET /api/tickets lists those that are.";
// An answer of 100,000 characters with every one of them escaped, and room for the rest.
const maxBodyBytes = 1_000_000;

const id = z
  .string()
  .regex(/^[\w.-]{1,100}$/)
  .optional();
export const answerBody = z.strictObject({
  text: z.string(),
  by: z.string().optional(),
  close: z.boolean().optional(),
  id,
});
export const noteBody = z.strictObject({ text: z.string().min(1).max(100_000), by: z.string().optional(), id });
const tags = z.array(z.string().min(1).max(50)).max(20).optional();
export const changeBody = z.strictObject({
  state: z.enum(["open", "closed"]).optional(),
  assignee: z.string().min(1).max(200).nullable().optional(),
  addTags: tags,
  removeTags: tags,
  id,
});

/** Tickets: seen, searched, answered, noted upon, changed. */
export function serveTickets(api: Hono<{ Bindings: HttpBindings }>, ports: Ports, config: ResolvedConfig): void {
  const newId = () => Buffer.from(ports.random.bytes(12)).toString("hex");

  api.get("/tickets", async (c) => {
    const limit = limitOf(c, 200);
    const after = wholeNumber(c.req.query("after"));
    const { state, participant, ...words } = queryOf(c, ["state", "assignee", "tag", "participant", "text"]);
    if (state !== undefined && state !== "open" && state !== "closed") {
      return problem(c, 400, "state is one of open, closed.");
    }
    const filter: TicketFilter = {
      ...words,
      ...(state !== undefined && { state }),
      ...(participant !== undefined && { participant: normaliseAddress(participant) }),
    };
    const asked = orderOf(c);
    if ("refused" in asked) return asked.refused;
    const page = await ports.tickets.list({ ...filter, ...asked, limit, ...(after !== undefined && { after }) });
    return c.json({ tickets: page.tickets, next: page.next ?? null });
  });

  api.get("/tickets/:id", async (c) => {
    const number = wholeNumber(c.req.param("id"));
    const ticket = number === undefined ? undefined : await ports.tickets.get(number);
    return ticket ? c.json(ticket) : problem(c, 404, noTicket);
  });

  api.post("/tickets/:id/answers", async (c) => {
    const number = wholeNumber(c.req.param("id"));
    if (number === undefined || !(await ports.tickets.get(number))) return problem(c, 404, noTicket);
    const body = await bodyOf(c, answerBody);
    if ("refused" in body) return body.refused;
    const { text, by = "console", close, id } = body.value;
    const request = {
      ticketId: number,
      text,
      by,
      ...(close !== undefined && { close }),
      ...(id !== undefined && { id }),
    };
    return c.json({ id: await askAnswer(ports, config, request) }, 202);
  });

  api.post("/tickets/:id/notes", async (c) => {
    const body = await bodyOf(c, noteBody);
    if ("refused" in body) return body.refused;
    const { text, by = "console", id = newId() } = body.value;
    return change(c, { id: `note/${id}`, entry: { kind: "note", id, text, by, at: ports.clock.now().toISOString() } });
  });

  api.patch("/tickets/:id", async (c) => {
    const body = await bodyOf(c, changeBody);
    if ("refused" in body) return body.refused;
    const { id = newId(), ...what } = body.value;
    const given = Object.fromEntries(Object.entries(what).filter(([, value]) => value !== undefined));
    return change(c, { id: `change/${id}`, ...given });
  });

  async function change(c: Context, what: TicketChange): Promise<Response> {
    const number = wholeNumber(c.req.param("id"));
    const changed = number === undefined ? undefined : await ports.tickets.change(number, what);
    if (number === undefined || !changed) return problem(c, 404, noTicket);
    return c.json({ ...(await ports.tickets.get(number)) });
  }
}

/** What of these the query says, without empty ones. */
function queryOf<Name extends string>(c: Context, names: readonly Name[]): Partial<Record<Name, string>> {
  const given = names.flatMap((name) => {
    const value = c.req.query(name);
    return value === undefined || value === "" ? [] : [[name, value.slice(0, 500)] as const];
  });
  return Object.fromEntries(given) as Partial<Record<Name, string>>;
}

async function bodyOf<Value>(
  c: Context,
  schema: z.ZodType<Value>,
): Promise<{ readonly value: Value } | { readonly refused: Response }> {
  if (Number(c.req.header("content-length") ?? 0) > maxBodyBytes) {
    return { refused: problem(c, 413, `The request is longer than ${maxBodyBytes} octets.`) };
  }
  const json: unknown = await c.req.json().catch(() => undefined);
  const parsed = schema.safeParse(json);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".");
  return {
    refused: problem(c, 400, `The request's JSON is wrong: ${where ? `${where}: ` : ""}${issue?.message ?? ""}`),
  };
}
