import type { Ports, Ticket, TicketEntry } from "../ports.ts";
import type { TicketPropagation } from "../propagation/message.ts";
import type { Outcome } from "../propagation/outcome.ts";
import { markOf } from "../tickets/reply-address.ts";
import {
  type AskedSink,
  type SinkEntry,
  SinkError,
  type SinkIssue,
  type SinkNews,
  type SinkTicket,
  type ToldSink,
} from "./sink.ts";

type BringPorts = Pick<Ports, "tickets" | "propagations">;

/**
 * Asks the target what it has of a ticket and brings it what is missing, oldest first: the issue, every entry, and where
 * the change was one of them the state, the assignee and the tags. So entries come in their order, an attempt that died
 * halfway is gone on with, and a sink that is configured later gets the whole ticket with its next entry.
 *
 * @param name - the sink's
 * @throws {SinkError}
 */
export async function bringTicket(
  ports: BringPorts,
  name: string,
  sink: AskedSink,
  { ticket: about, target = "" }: TicketPropagation,
): Promise<Outcome> {
  const ticket = await survivor(ports, about.id);
  if (ticket === undefined) return { kind: "stopped", cause: "there is no such ticket" };
  const named = namedTicket(ticket);
  let issue = await sink.find(named, refOf(ticket, name));
  let refused: SinkError | undefined;
  for (const entry of ticket.entries) {
    const mark = markOfEntry(entry);
    if (issue?.marks.has(mark) === true) continue;
    const isOwn = changeOfEntry(entry) === about.change;
    // What was taken once and is not there any more was taken away by somebody.
    if (issue !== undefined && !isOwn && (await hasEnded(ports, entry, target))) continue;
    try {
      if (issue === undefined) issue = await sink.open(named, { mark, entry });
      else await sink.add(issue, { mark, entry });
    } catch (error) {
      if (!(error instanceof SinkError) || error.kind !== "refused" || issue === undefined) throw error;
      // What the target will never take must not keep the later ones away.
      if (isOwn) refused = error;
    }
    if (issue !== undefined) await remember(ports, ticket, name, issue);
  }
  if (issue === undefined) return { kind: "stopped", cause: "the ticket has no entry" };
  await remember(ports, ticket, name, issue);
  if (about.settles) await sink.settle(issue, named);
  for (const id of [...(about.merged ?? []), ...(ticket.id === about.id ? [] : [about.id])]) {
    await leaveFormer(ports, name, sink, id, issue);
  }
  return refused === undefined
    ? { kind: "done", cause: `issue ${issue.ref}` }
    : { kind: "stopped", cause: refused.message };
}

/** Tells a target that cannot be asked. @throws {SinkError} */
export async function tellSink(
  ports: BringPorts,
  sink: ToldSink,
  { ticket: about }: TicketPropagation,
): Promise<Outcome> {
  const ticket = await survivor(ports, about.id);
  if (ticket === undefined) return { kind: "stopped", cause: "there is no such ticket" };
  const index = ticket.entries.findIndex((entry) => changeOfEntry(entry) === about.change);
  const entry = ticket.entries[index];
  const what: SinkNews["what"] = entry === undefined ? "change" : index === 0 ? "opened" : entry.kind;
  await sink.tell({ id: about.change, what, ticket, ...(entry !== undefined && { entry }) });
  return { kind: "done", cause: "told, at least once under one id" };
}

/** The change that brought an entry: what its propagation is known by. */
export function changeOfEntry(entry: TicketEntry): string {
  return entry.kind === "mail" ? `mail/${entry.sesMessageId}` : `${entry.kind}/${entry.id}`;
}

function markOfEntry(entry: TicketEntry): string {
  return entry.kind === "mail" ? entry.sesMessageId : entry.kind === "note" ? `note/${entry.id}` : entry.id;
}

function namedTicket(ticket: Ticket): SinkTicket {
  const { ticketId, openedAt } = markOf(ticket);
  return { mark: `mailweir-${ticketId}-${openedAt}`, ticket };
}

async function hasEnded({ propagations }: BringPorts, entry: TicketEntry, target: string): Promise<boolean> {
  const state = (await propagations.get(changeOfEntry(entry), target))?.state;
  return state === "done" || state === "stopped";
}

const refOf = ({ links = [] }: Ticket, name: string) => links.find(({ sink }) => sink === name)?.ref;

async function survivor({ tickets }: BringPorts, id: number): Promise<Ticket | undefined> {
  const ticket = await tickets.get(id);
  return ticket?.mergedInto === undefined ? ticket : tickets.get(ticket.mergedInto);
}

async function remember({ tickets }: BringPorts, ticket: Ticket, name: string, { ref, url }: SinkIssue): Promise<void> {
  if (refOf(ticket, name) === ref) return;
  const link = { sink: name, ref, ...(url !== undefined && { url }) };
  await tickets.change(ticket.id, { id: `link/${name}/${ticket.id}/${ref}`, link });
}

/** The issue of a ticket that was taken over says where things go on, and is closed. */
async function leaveFormer(
  { tickets }: BringPorts,
  name: string,
  sink: AskedSink,
  formerId: number,
  issue: SinkIssue,
): Promise<void> {
  const former = await tickets.get(formerId);
  if (former === undefined) return;
  const named = namedTicket(former);
  const left = await sink.find(named, refOf(former, name));
  if (left === undefined || left.ref === issue.ref) return;
  const mark = `merged/${formerId}`;
  if (!left.marks.has(mark)) {
    const text = `This ticket goes on in ${issue.url ?? issue.ref}.`;
    const note: SinkEntry = { mark, entry: { kind: "note", id: mark, text, by: "mailweir", at: former.updatedAt } };
    await sink.add(left, note);
  }
  await sink.settle(left, { ...named, ticket: { ...former, state: "closed" } });
}
