import { isIP } from "node:net";
import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import * as z from "zod";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { type Header, headerValue, parseHeaderSection } from "../../shared/mail/headers.ts";
import { parseMailboxes } from "../../shared/mail/mailboxes.ts";
import type { Clock, Random, Secrets } from "../../shared/ports.ts";
import { formatReply } from "../../shared/receipt/replies.ts";
import { parseSesMessageId } from "../../shared/ses-message-id.ts";
import { everything } from "../../shared/unsubscribe/list-id.ts";
import { createUnsubscriber } from "../../shared/unsubscribe/sender.ts";
import { readHeader } from "../actions/stored-block.ts";
import { actors } from "../play/actors.ts";
import { type Composition, composeAs, composition, freshMessageId } from "../play/compose-as.ts";
import { injectedResults } from "../play/injected.ts";
import type { Reception } from "../smtp/reception.ts";
import { type Submission, type SubmissionResult, submit } from "../smtp/submit.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { OutboxReading } from "../store/outbox-entries.ts";
import { jsonBody } from "./json-body.ts";
import { problem } from "./problem.ts";

export interface ComposeParts {
  readonly config: Pick<ResolvedConfig, "domains" | "streams">;
  readonly reception: Reception;
  readonly engine: Pick<EngineStore, "message" | "openRaw">;
  readonly outbox: Pick<OutboxReading, "entry" | "open">;
  readonly secrets: Pick<Secrets, "keyRing">;
  readonly clock: Clock;
  readonly random: Random;
}

const maxBodyBytes = 30_000_000;

const ip = z.string().refine((text) => isIP(text) !== 0, "is no IP address");
// It ends up in the Received header: nothing that could end a line.
const helo = z.string().regex(/^[\x21-\x7e]{1,255}$/, "is no host name: printable ASCII, no spaces");
const address = z.string().max(320);

/** How a message comes in: whom the engine takes the sender for, and what its checks are to find. */
const entrance = {
  ip: ip.optional(),
  helo: helo.optional(),
  tls: z.boolean().optional(),
  /** Envelope sender; `""` is the null sender. Default: the author. */
  envelopeFrom: address.optional(),
  /** Envelope recipients. Default: those of To and Cc. */
  recipients: z.array(address).min(1).max(100).optional(),
  authentication: injectedResults.optional(),
};

export const composeBody = composition.extend(entrance);
export const replyBody = z.strictObject({
  ...entrance,
  text: z.string().max(1_000_000),
  subject: z.string().max(2_000).optional(),
  messageId: z.string().max(900).optional(),
});
export const actorBody = z.strictObject({
  to: address.optional(),
  from: address.optional(),
  subject: z.string().max(2_000).optional(),
  about: z.string().max(900).optional(),
  recipient: address.optional(),
  /** False: nothing in the report proves that the mail was ours. */
  ours: z.boolean().optional(),
  megabytes: z.number().min(0).max(100).optional(),
  messageId: z.string().max(900).optional(),
  authentication: injectedResults.optional(),
});

const noMessage = "There is no such message: GET /api/messages lists those that are.";

/** Mail written here as if it came from elsewhere: by hand, as a reply, by a canned actor. Each is one API call. */
export function serveCompose(api: Hono<{ Bindings: HttpBindings }>, parts: ComposeParts): void {
  const { config, engine, outbox, clock, random } = parts;
  const fresh = () => random.bytes(12);

  api.post("/compose", async (c) => {
    const body = await jsonBody(c, composeBody, maxBodyBytes);
    return "refused" in body ? body.refused : compose(c, "compose", body.value);
  });

  api.post("/messages/:id/reply", async (c) => {
    const id = parseSesMessageId(c.req.param("id"));
    const message = id && (await engine.message(id));
    if (!id || !message) return problem(c, 404, noMessage);
    const body = await jsonBody(c, replyBody, maxBodyBytes);
    if ("refused" in body) return body.refused;
    const { headers } = parseHeaderSection(await readHeader(engine.openRaw(id)));
    const author = firstAddress(headers, "From") ?? message.from;
    if (author === "") return problem(c, 409, "The message names no author who could write again.");
    // Who wrote it writes again, to the same addresses.
    return answer(c, headers, author, message.recipients, body.value);
  });

  api.post("/outbox/:number/reply", async (c) => {
    const number = Number(c.req.param("number"));
    const entry = Number.isSafeInteger(number) ? await outbox.entry(number) : undefined;
    const octets = entry && outbox.open(number);
    if (!entry || !octets) return problem(c, 404, "There is no such mail: GET /api/outbox lists those that are.");
    const body = await jsonBody(c, replyBody, maxBodyBytes);
    if ("refused" in body) return body.refused;
    const { headers } = parseHeaderSection(await readHeader(octets));
    const to = firstAddress(headers, "Reply-To") ?? firstAddress(headers, "From");
    const author = entry.recipients[0]?.recipient;
    if (to === undefined || author === undefined)
      return problem(c, 409, "The mail names nobody who could be answered.");
    return answer(c, headers, author, [to], body.value);
  });

  api.get("/actors", (c) =>
    c.json({ actors: actors.map(({ name, description }) => ({ name, description })), to: usualAddress(config) }),
  );

  api.post("/actors/:name", async (c) => {
    const actor = actors.find(({ name }) => name === c.req.param("name"));
    if (!actor) return problem(c, 404, `There is no such actor: ${actors.map(({ name }) => name).join(", ")}.`);
    const body = await jsonBody(c, actorBody, 100_000);
    if ("refused" in body) return body.refused;
    const { to = usualAddress(config), messageId, authentication, ours = true, ...cue } = body.value;
    const unsubscriber = createUnsubscriber({
      secret: await parts.secrets.keyRing(),
      mailto: addressOf(config, "unsubscribe") ?? `unsubscribe@${config.domains[0] ?? "example.com"}`,
    });
    const scene = actor.play({
      ...present(cue),
      ...(ours && { proofFor: (address: string) => unsubscriber.headersFor({ address, list: everything }) }),
      to,
      messageId: messageId ?? freshMessageId(cue.from ?? "play@sender.example", fresh()),
      now: clock.now(),
    });
    return take(c, {
      client: {
        ip: scene.ip,
        helo: scene.helo,
        injected: { by: actor.name, results: { ...scene.results, ...present(authentication ?? {}) } },
      },
      from: scene.envelopeFrom,
      to: [to],
      raw: stream(scene.raw),
    });
  });

  async function answer(
    c: Context,
    headers: readonly Header[],
    author: string,
    to: readonly string[],
    { text, subject, ...rest }: z.infer<typeof replyBody>,
  ): Promise<Response> {
    const parent = headerValue(headers, "Message-ID")?.trim();
    const references = headerValue(headers, "References")?.match(/<[^<>\s]{1,500}>/g) ?? [];
    const about = headerValue(headers, "Subject") ?? "";
    return compose(c, "reply", {
      ...rest,
      from: author,
      to: [...to],
      subject: subject ?? (/^re:/i.test(about) ? about : `Re: ${about}`),
      text,
      ...(parent !== undefined && { inReplyTo: parent, references: [...references.slice(-40), parent] }),
    });
  }

  async function compose(
    c: Context,
    by: string,
    { ip, helo, tls, envelopeFrom, recipients, authentication, ...mail }: z.infer<typeof composeBody>,
  ): Promise<Response> {
    const { raw, author } = await composeAs(mail satisfies Composition, { now: clock.now(), fresh: fresh() });
    return take(c, {
      client: {
        ip: ip ?? "203.0.113.25",
        helo: helo ?? "mx.sender.example",
        ...(tls === true && { tls: { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" } }),
        injected: { by, ...(authentication && { results: authentication }) },
      },
      from: envelopeFrom ?? author,
      to: recipients ?? [...mail.to, ...(mail.cc ?? [])],
      raw: stream([raw]),
    });
  }

  async function take(c: Context, submission: Submission): Promise<Response> {
    return submitted(c, await submit(parts.reception, submission));
  }
}

/** 202 when it was accepted for at least one recipient, 422 when not. */
export function submitted(c: Context, { sesMessageId, reply, recipients }: SubmissionResult): Response {
  const answer = {
    sesMessageId: sesMessageId ?? null,
    reply: formatReply(reply),
    recipients: recipients.map((entry) => ({ recipient: entry.recipient, reply: formatReply(entry.reply) })),
  };
  return c.json(answer, sesMessageId === undefined ? 422 : 202);
}

/** Where mail for people usually goes here: the ticket stream's first whole address, else one at the first domain. */
function usualAddress(config: ComposeParts["config"]): string {
  return addressOf(config, "ticket") ?? `support@${config.domains[0] ?? "example.com"}`;
}

function addressOf({ streams }: ComposeParts["config"], worker: string): string | undefined {
  return streams
    .filter((stream) => stream.worker === worker)
    .flatMap(({ recipients }) => recipients)
    .find((recipient) => /^[A-Za-z0-9._-]+@/.test(recipient));
}

function firstAddress(headers: readonly Header[], name: string): string | undefined {
  const value = headerValue(headers, name);
  return value === undefined ? undefined : parseMailboxes(value).find(({ address }) => address !== "")?.address;
}

/** zod says `undefined` where the types say absent. */
function present<T extends object>(given: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}

async function* stream(octets: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* octets;
}
