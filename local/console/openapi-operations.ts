import * as z from "zod";
import { actorBody, composeBody, replyBody } from "./compose-api.ts";
import { ackBody } from "./feed-api.ts";
import { redriveBody } from "./redrive-body.ts";
import { replayBody } from "./replay-api.ts";
import { forgetAddressBody, holdBody, releaseHoldBody } from "./retention-api.ts";
import { addBody, forgetBody, importBody, removeBody } from "./suppression-api.ts";
import { answerBody, changeBody, noteBody } from "./ticket-api.ts";

/** One request of the API, for its description. */
export interface Operation {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** Below `/api`, with `{name}` for what varies. */
  readonly path: string;
  readonly summary: string;
  /** Parameters of the query, each with what it is. */
  readonly query?: Readonly<Record<string, z.ZodType>>;
  readonly body?: z.ZodType;
  /** A body that is no JSON. */
  readonly bodyType?: string;
  /** Answers beside the problems, by status: JSON of this shape, or another content type. */
  readonly answers: Readonly<Record<number, z.ZodType | string>>;
  /** Statuses of problems beside 403 and 500. */
  readonly problems?: readonly number[];
}

const text = z.string();
const nullable = text.nullable();
const number = z.number();
const counts = z.record(text, number);
const forgotten = z.looseObject({});
const forgetRun = z.object({
  run: text.describe("ask again with it"),
  progress: z.object({ step: text, done: number.optional(), of: number.optional() }).nullable(),
});
const limit = z.coerce.number().int().min(1).describe("at most; 50 without it");
const after = text.describe("`next` of the page before");
const order = z.enum(["oldest", "newest"]).describe("what comes first; the oldest without it");
const before = z.coerce.number().int().min(1).describe("`next` of the page before");
const record = z.record(text, text);

const state = z.enum(["received", "decided", "routed", "working", "done", "quarantined", "failed"]);
const outboxState = z.enum(["kept", "waiting", "sent", "failed"]);
const envelope = z.object({ from: text, to: z.array(text) });
const mailbox = z.object({ name: text, address: text });
const nature = z.object({ kind: text, confidence: number, evidence: z.array(text) });
const safety = z.object({ kind: z.enum(["clean", "suspicious"]), reasons: z.array(text) });
const metrics = z.object({ PublishSuccess: number, PublishFailure: number, PublishExpired: number });
const verdicts = z.object({
  spam: text,
  virus: text,
  spf: text,
  dkim: text,
  dmarc: text,
  dmarcPolicy: text.optional(),
});

const listed = z.object({
  sequence: number,
  sesMessageId: text,
  receivedAt: text,
  envelope,
  subject: nullable,
  author: nullable,
  recipients: z.array(
    z.object({ recipient: text, state, stream: nullable, outcome: nullable, cause: nullable, duplicateOf: nullable }),
  ),
});

const results = z.object({
  ...Object.fromEntries(
    ["spf", "dkim", "dmarc", "dmarcPolicy", "spam", "virus"].map((name) => [name, text.optional()]),
  ),
});

const outboxEntry = z.object({
  number,
  kind: text,
  about: nullable,
  envelopeSender: text,
  messageId: text,
  sizeBytes: number,
  createdAt: text,
  waitingSince: text,
  state: outboxState,
  attempts: number,
  dueAt: nullable,
  cause: nullable,
  recipients: z.array(z.object({ recipient: text, state: outboxState, reply: nullable, updatedAt: text })),
});

const rules = z.array(
  z.object({
    ruleIndex: number,
    rule: text,
    fate: text,
    reason: text,
    recipients: z.array(text),
    perRecipient: z.array(z.object({ recipient: text, matches: z.boolean(), reason: text })),
    actions: z.array(
      z.object({
        actionIndex: number,
        type: text,
        fate: text,
        reason: text,
        target: text.optional(),
        log: z
          .object({
            ...{ state: text, result: text, attempts: number, startedAt: text, durationMs: number },
            ...{ dueAt: nullable, metrics },
          })
          .nullable()
          .optional(),
      }),
    ),
  }),
);

const journey = z.object({
  sesMessageId: text,
  receivedAt: text,
  sizeBytes: number,
  subject: nullable,
  author: nullable,
  connection: z.object({
    ip: text,
    helo: text,
    rdns: text.optional(),
    tls: z.object({ protocol: text, cipher: text }).optional(),
    injected: z.object({ by: text, results: results.optional() }).optional(),
  }),
  envelope,
  verification: z
    .object({
      authentication: z.looseObject({
        spf: z.looseObject({ result: text }),
        dkim: z.array(z.looseObject({ result: text })),
      }),
      verdicts,
      scanDetail: z.object({ spam: text, virus: text }),
      at: text,
    })
    .nullable(),
  ruleSet: nullable,
  rules,
  recipients: z.array(
    z.object({
      recipient: text,
      state,
      stream: nullable,
      decision: z.object({ nature, safety, trust: text, reasons: z.array(text), configVersion: text }).nullable(),
      attempts: number,
      outcome: nullable,
      cause: nullable,
      duplicateOf: nullable,
      detail: record,
      updatedAt: text,
    }),
  ),
  outgoing: z.array(outboxEntry),
  propagations: z.array(
    z.object({
      ...{ change: text, target: text, state: text, attempts: number, updatedAt: text },
      ...{ sesMessageId: text.optional(), cause: text.optional(), dueAt: text.optional() },
    }),
  ),
});

const charset = z.object({ declared: text.optional(), used: text, how: text }).nullable();
const mailAnswer = z.object({
  sesMessageId: text,
  author: mailbox.nullable(),
  to: z.array(mailbox),
  cc: z.array(mailbox),
  replyTo: z.array(mailbox),
  subject: nullable,
  date: nullable,
  messageId: nullable,
  text,
  textCut: z.boolean(),
  htmlUrl: nullable,
  reply: z.object({
    text,
    segments: z.array(z.object({ kind: z.enum(["reply", "quote", "signature", "forward"]), text })),
    confidence: number,
    source: z.enum(["text", "html", "none"]),
  }),
  headers: z.array(z.object({ name: text, value: text })),
  parts: z.array(
    z.object({
      path: text,
      contentType: text,
      sizeBytes: number,
      disposition: nullable,
      charset,
      attachment: number.nullable(),
    }),
  ),
  attachments: z.array(
    z.object({
      ...{ fileName: text, contentType: text, sizeBytes: number, sha256: text, inline: z.boolean() },
      ...{ contentId: text.optional(), kind: text, part: number, url: text },
    }),
  ),
  defects: z.array(z.object({ code: text, detail: text })),
  exceeded: z.array(text),
});

const submission = z.object({
  sesMessageId: nullable,
  repeated: z.boolean().optional(),
  reply: text,
  recipients: z.array(z.object({ recipient: text, reply: text })),
});
const submitted = { 202: submission, 422: submission };

const suppression = z.object({
  ...{ person: text, address: text.optional(), list: text, reason: text, since: text, until: text.optional() },
  evidence: z.looseObject({ note: text }),
});

const ticketSummary = z.looseObject({
  id: number,
  state: z.enum(["open", "closed"]),
  subject: text,
  participants: z.array(text),
  createdAt: text,
});
const ticket = ticketSummary.extend({
  entries: z.array(z.looseObject({ kind: z.enum(["mail", "answer", "note"]), at: text })),
});

const difference = z.object({ what: text, recorded: text, replayed: text });
const slice = z.object({
  ...{ from: text, decided: number, done: number, quarantined: number, failed: number, retried: number },
  ...{ meanLagMs: number.nullable(), maxLagMs: number.nullable() },
});
const queueCounts = z.object({ visible: number, inFlight: number, delayed: number });
const released = z.union([
  z.object({ kind: z.literal("released"), stream: text }),
  z.object({ kind: z.literal("already-released") }),
]);

/** Everything that the API answers, in the order of docs/http-api.md. A test compares it with the routes that there are. */
export const operations: readonly Operation[] = [
  {
    ...{ method: "get", path: "/messages", summary: "The list, newest first, or what a search finds" },
    query: { q: text.describe("a search"), limit, before, stream: text.describe("`none`: recipients without one") },
    answers: { 200: z.object({ messages: z.array(listed), next: number.nullable(), notIndexed: number }) },
    problems: [400, 503],
  },
  {
    ...{ method: "post", path: "/messages", summary: "Receives a message as if a client had sent it" },
    query: {
      to: z.array(text).describe("envelope recipients"),
      ...{ from: text, ip: text, helo: text, "message-id": z.literal("fresh") },
      ...{ spf: text, dkim: text, dmarc: text, dmarcPolicy: text, spam: text, virus: text },
      ...{ "ses-message-id": text, "received-at": text },
    },
    bodyType: "message/rfc822",
    answers: { 200: submission, ...submitted },
    problems: [400],
  },
  {
    ...{ method: "get", path: "/messages/{id}", summary: "A message's journey: what was recorded, and why" },
    answers: { 200: journey },
    problems: [404],
  },
  {
    ...{ method: "get", path: "/messages/{id}/raw", summary: "Its bytes, as stored or as received" },
    query: { "without-ses-block": text },
    answers: { 200: "application/octet-stream" },
    problems: [404],
  },
  {
    ...{
      method: "get",
      path: "/messages/{id}/mail",
      summary: "What it says: text, reply, headers, MIME parts, attachments",
    },
    answers: { 200: mailAnswer },
    problems: [404],
  },
  {
    ...{ method: "get", path: "/messages/{id}/html", summary: "Its HTML as a document for a sandbox" },
    query: { remote: z.literal("1").describe("with pictures from elsewhere") },
    answers: { 200: "text/html" },
    problems: [404, 422],
  },
  {
    ...{ method: "get", path: "/messages/{id}/attachments/{number}", summary: "An attachment's octets" },
    answers: { 200: "application/octet-stream" },
    problems: [404],
  },
  {
    ...{ method: "post", path: "/messages/{id}/reply", summary: "Its author writes again, in the same thread" },
    body: replyBody,
    answers: submitted,
    problems: [400, 404, 409, 413],
  },
  {
    ...{ method: "post", path: "/compose", summary: "A mail as anybody, from any IP, with any result of the checks" },
    body: composeBody,
    answers: submitted,
    problems: [400, 413],
  },
  {
    ...{ method: "get", path: "/actors", summary: "Canned senders" },
    answers: { 200: z.object({ actors: z.array(z.object({ name: text, description: text })), to: text }) },
  },
  {
    ...{ method: "post", path: "/actors/{name}", summary: "Lets a canned sender write" },
    body: actorBody,
    answers: submitted,
    problems: [400, 404, 413],
  },
  {
    ...{
      method: "post",
      path: "/replay",
      summary: "Sends messages through the pipeline again, or says what would change",
    },
    body: replayBody,
    answers: {
      200: z.object({
        dryRun: z.boolean(),
        messages: z.array(
          z.object({
            ...{ sesMessageId: text, subject: nullable, from: text, verdicts: z.array(difference), error: nullable },
            recipients: z.array(
              z.object({ recipient: text, state, blocked: nullable, changes: z.array(difference), stream: nullable }),
            ),
            replayed: z
              .array(z.object({ recipient: text, kind: z.enum(["replayed", "under-way"]), stream: nullable }))
              .nullable(),
          }),
        ),
        next: number.nullable(),
      }),
    },
    problems: [400, 404, 413],
  },
  {
    ...{ method: "get", path: "/streams", summary: "How the streams do, and what happened in them" },
    query: { hours: z.coerce.number().int(), step: z.coerce.number().int().describe("minutes") },
    answers: {
      200: z.object({
        from: text,
        stepMinutes: number,
        streams: z.array(
          z.object({
            ...{ stream: text, worker: nullable, open: number, oldestReceivedAt: nullable },
            ...{ oldestAgeSeconds: number.nullable(), queue: queueCounts.nullable(), dead: number, totals: counts },
            slices: z.array(slice),
          }),
        ),
      }),
    },
    problems: [400],
  },
  {
    ...{ method: "get", path: "/streams/{stream}/messages", summary: "A stream's messages as server-sent events" },
    query: { after: text, consumer: text },
    answers: { 200: "text/event-stream" },
    problems: [400, 404, 410, 503],
  },
  {
    ...{ method: "get", path: "/streams/{stream}/consumers", summary: "Who reads a stream, and how far they are" },
    answers: {
      200: z.object({
        newest: number,
        consumers: z.array(z.object({ consumer: text, acked: number, updatedAt: text })),
      }),
    },
    problems: [404],
  },
  {
    ...{
      method: "post",
      path: "/streams/{stream}/consumers/{consumer}/ack",
      summary: "Everything up to an event is done",
    },
    body: ackBody,
    answers: { 200: z.object({ acked: number }) },
    problems: [400, 404, 409, 413],
  },
  {
    ...{ method: "delete", path: "/streams/{stream}/consumers/{consumer}", summary: "Forgets a consumer" },
    answers: { 200: z.object({ consumer: text }) },
    problems: [404],
  },
  {
    ...{ method: "get", path: "/rules", summary: "The active rules, with how often they acted" },
    answers: {
      200: z.object({
        ruleSet: nullable,
        rules: z.array(
          z.object({
            ...{ rule: text, enabled: z.boolean(), recipients: z.array(text), tls: text, scan: z.boolean() },
            ...{ actions: z.array(z.object({ type: text, target: text })), hits: metrics },
          }),
        ),
      }),
    },
  },
  {
    ...{ method: "get", path: "/match", summary: "What would match an address" },
    query: { to: z.array(text), ip: text, tls: z.literal("1"), nature: text },
    answers: {
      200: z.object({
        client: z.object({ refused: z.boolean(), reason: text }),
        recipients: z.array(
          z.object({
            ...{ recipient: text, accepted: z.boolean(), reply: text, reason: text, stream: nullable },
            ...{ outcome: nullable, reasons: z.array(text) },
          }),
        ),
        rules,
      }),
    },
    problems: [400],
  },
  {
    ...{ method: "get", path: "/refusals", summary: "Who was turned away before 250, and why" },
    query: { limit, before },
    answers: {
      200: z.object({
        refusals: z.array(
          z.object({
            ...{ id: number, at: text, ip: text, helo: text, stage: text, from: text.optional() },
            ...{ recipient: text.optional(), recipients: z.array(text).optional(), moreRecipients: number.optional() },
            ...{ reply: text, reason: text },
          }),
        ),
        total: number,
        next: number.nullable(),
      }),
    },
    problems: [400],
  },
  {
    ...{ method: "get", path: "/status", summary: "Counts by stream, state, rule and queue" },
    answers: {
      200: z.object({
        ...{ messages: number, unended: number, byStream: z.record(text, counts), rules: z.record(text, metrics) },
        queues: z.array(queueCounts.extend({ name: text })),
        ...{ outbox: counts, refusals: number, bytes: number },
      }),
    },
  },
  {
    ...{ method: "get", path: "/findings", summary: "What the rule doctor says" },
    query: { dns: z.literal("1").describe("ask for MX records too") },
    answers: {
      200: z.object({
        ruleSet: nullable,
        rules: number,
        findings: z.array(
          z.object({
            code: text,
            severity: z.enum(["error", "warning", "note"]),
            at: text,
            what: text,
            why: text,
            fix: text,
          }),
        ),
      }),
    },
  },
  {
    ...{ method: "get", path: "/quarantine", summary: "What is held, longest first" },
    query: { limit, after, order },
    answers: {
      200: z.object({
        held: z.array(
          z.object({
            ...{ sesMessageId: text, recipient: text, intendedStream: text, reasons: z.array(text), heldAt: text },
            ...{ envelopeFrom: text, author: nullable, subject: nullable },
          }),
        ),
        next: nullable,
      }),
    },
    problems: [400],
  },
  {
    ...{ method: "post", path: "/quarantine/{id}/{recipient}/release", summary: "Sends held mail on" },
    query: { stream: text },
    answers: { 200: released },
    problems: [404, 409],
  },
  {
    ...{ method: "post", path: "/quarantine/{id}/{recipient}/discard", summary: "Nobody will release it" },
    answers: { 200: z.object({ kind: z.enum(["discarded", "ended"]) }) },
    problems: [404],
  },
  {
    ...{ method: "get", path: "/allowed-senders", summary: "Authors whose proven mail no spam finding alone holds" },
    query: { limit, after },
    answers: { 200: z.object({ senders: z.array(z.object({ address: text, by: text, at: text })), next: nullable }) },
  },
  {
    ...{ method: "put", path: "/allowed-senders/{address}", summary: "Allows an author" },
    query: { by: text },
    answers: { 200: z.object({ address: text }) },
    problems: [400],
  },
  {
    ...{ method: "delete", path: "/allowed-senders/{address}", summary: "Allows an author no more" },
    answers: { 200: z.object({ address: text }) },
  },
  {
    ...{ method: "get", path: "/outbox", summary: "Mail that leaves, newest first" },
    query: { limit, before, state: outboxState },
    answers: { 200: z.object({ mails: z.array(outboxEntry), next: number.nullable() }) },
    problems: [400],
  },
  {
    ...{ method: "get", path: "/outbox/{number}", summary: "What became of one" },
    answers: { 200: outboxEntry },
    problems: [404],
  },
  {
    ...{ method: "get", path: "/outbox/{number}/raw", summary: "Its bytes" },
    answers: { 200: "application/octet-stream" },
    problems: [404],
  },
  {
    ...{ method: "post", path: "/outbox/{number}/retry", summary: "Sends it again to those who did not get it" },
    answers: { 200: z.object({ kind: z.enum(["waiting", "nobody-left"]) }) },
    problems: [404, 409],
  },
  {
    ...{ method: "post", path: "/outbox/{number}/reply", summary: "Whom it was for answers it" },
    body: replyBody,
    answers: submitted,
    problems: [400, 404, 409, 413],
  },
  {
    ...{ method: "get", path: "/queues/{name}", summary: "What lies in a queue, without receiving it" },
    query: { limit, after },
    answers: {
      200: z.object({
        messages: z.array(
          z.object({
            ...{ number, messageId: text, body: text, sentAt: text, visibleAt: text, receiveCount: number },
            deadFrom: text.optional(),
          }),
        ),
        next: number.nullable(),
      }),
    },
    problems: [404],
  },
  {
    ...{ method: "post", path: "/queues/{name}/redrive", summary: "Sends dead letters back to where they came from" },
    body: redriveBody,
    answers: { 200: z.object({ moved: number }) },
    problems: [400, 404, 409, 413],
  },
  {
    ...{ method: "get", path: "/tickets", summary: "Tickets, by their numbers" },
    query: { limit, after, order, state: text, assignee: text, tag: text, participant: text, text },
    answers: { 200: z.object({ tickets: z.array(ticketSummary), next: number.nullable() }) },
    problems: [400],
  },
  {
    ...{ method: "get", path: "/tickets/{id}", summary: "One of them, with its entries" },
    answers: { 200: ticket },
    problems: [404],
  },
  {
    ...{ method: "post", path: "/tickets/{id}/answers", summary: "Answers it by mail, once for each id" },
    body: answerBody,
    answers: { 202: z.object({ id: text }) },
    problems: [400, 404, 409, 413],
  },
  {
    ...{ method: "post", path: "/tickets/{id}/notes", summary: "A note for colleagues" },
    body: noteBody,
    answers: { 200: ticket },
    problems: [400, 404, 413],
  },
  {
    ...{ method: "patch", path: "/tickets/{id}", summary: "State, assignee, tags" },
    body: changeBody,
    answers: { 200: ticket },
    problems: [400, 404, 413],
  },
  {
    ...{ method: "get", path: "/suppressions", summary: "Who gets no mail" },
    query: { limit, after },
    answers: { 200: z.object({ suppressions: z.array(suppression), next: nullable }) },
  },
  {
    ...{ method: "get", path: "/suppressions/check", summary: "Whether a person gets mail, and why not" },
    query: { address: text, person: text, list: text },
    answers: {
      200: z.looseObject({
        person: text,
        suppressed: z.boolean(),
        all: z.array(suppression),
        history: z.array(z.looseObject({})),
      }),
    },
    problems: [400],
  },
  {
    ...{ method: "post", path: "/suppressions", summary: "Suppresses a person" },
    body: addBody,
    answers: { 200: z.object({ result: text }) },
    problems: [400, 413],
  },
  {
    ...{ method: "post", path: "/suppressions/remove", summary: "Takes a suppression away" },
    body: removeBody,
    answers: { 200: z.object({ result: text }) },
    problems: [400, 413],
  },
  {
    ...{ method: "post", path: "/suppressions/forget", summary: "Leaves the hash of a person only" },
    body: forgetBody,
    answers: { 200: z.looseObject({ person: text }) },
    problems: [400, 413],
  },
  {
    ...{ method: "post", path: "/suppressions/import", summary: "Adds at most 1,000 rows, all or none" },
    body: importBody,
    answers: { 200: z.looseObject({ added: number, known: number }) },
    problems: [400, 413],
  },
  {
    ...{ method: "post", path: "/forget", summary: "Forgets an address: its mail, and whatever names it" },
    body: forgetAddressBody,
    answers: { 200: forgotten, 202: forgetRun },
    problems: [400, 409, 413, 503],
  },
  {
    ...{ method: "get", path: "/forget/{run}", summary: "What came of a forgetting, or how far it is" },
    answers: { 200: forgotten, 202: forgetRun },
    problems: [400, 404, 409, 503],
  },
  {
    ...{ method: "get", path: "/holds", summary: "Addresses and messages that must not be forgotten" },
    answers: { 200: z.object({ holds: z.array(z.looseObject({ subject: text })) }) },
  },
  {
    ...{ method: "post", path: "/holds", summary: "Holds an address or a message" },
    body: holdBody,
    answers: { 200: z.object({ held: z.boolean() }) },
    problems: [400, 409, 413],
  },
  {
    ...{ method: "post", path: "/holds/release", summary: "Takes a hold away" },
    body: releaseHoldBody,
    answers: { 200: z.object({ released: z.boolean() }) },
    problems: [400, 413],
  },
  {
    ...{ method: "get", path: "/events", summary: "Tells when something changed, as server-sent events" },
    answers: { 200: "text/event-stream" },
    problems: [503],
  },
  {
    ...{ method: "get", path: "/openapi.json", summary: "This description" },
    answers: { 200: z.looseObject({ openapi: text }) },
  },
];
