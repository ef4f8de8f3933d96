import { parseMail } from "../mail/parse-mail.ts";
import { addressesIn } from "../retention/addresses-in.ts";
import { parseSesMessageId, type SesMessageId } from "../ses-message-id.ts";
import { createPersonOf } from "../unsubscribe/person.ts";
import {
  bucketPlaces,
  forgetOnStage,
  forgottenPrefix,
  pagesOf,
  type StageForgetParts,
  type StageForgetProgress,
} from "./forget-address.ts";
import { scanTable, wordsOf } from "./forget-rows.ts";
import { openVersion } from "./held-words.ts";
import { inParallel } from "./in-parallel.ts";

/**
 * Takes out of what came from a backup whoever was forgotten since it was made. The bucket knows them by keyed hash: every
 * address that tables and mail name is hashed and looked up. Messages that were deleted are noted as such before.
 */
export async function forgetAgainOnStage(
  parts: StageForgetParts,
  report: (progress: StageForgetProgress) => void,
): Promise<{ readonly addresses: number; readonly messages: number }> {
  const { persons, messages } = await forgottenBefore(parts);
  if (persons.size === 0) return { addresses: 0, messages: 0 };
  await inParallel([...messages], 10, (id) => parts.ports.ledger.forget(id));

  const personOf = createPersonOf(await parts.ports.secrets.keyRing());
  const seen = new Set<string>();
  const forgotten: string[] = [];
  let done = 0;
  const lookIn = (words: string) => {
    for (const address of addressesIn(words)) {
      if (seen.has(address)) continue;
      seen.add(address);
      if (persons.has(personOf(address))) forgotten.push(address);
    }
  };
  for (const table of [parts.ledgerTable, parts.storeTable]) {
    for await (const { items } of scanTable(parts.client, table)) {
      for (const item of items) lookIn(wordsOf(item));
      done += items.length;
      report({ step: "looking", done });
    }
  }
  for (const place of bucketPlaces(parts.config)) {
    for await (const { versions } of pagesOf(parts, place)) {
      const mails = versions.filter(({ key, isMarker }) => !isMarker && !key.startsWith(forgottenPrefix));
      await inParallel(mails, 4, async (version) => {
        lookIn(version.key);
        const words = await wordsOfObject(parts, place.bucket, version);
        if (words !== undefined) lookIn(words);
      });
      done += versions.length;
      report({ step: "looking", done });
    }
  }
  let count = messages.size;
  for (const address of forgotten) count += (await forgetOnStage(parts, address, report, { again: true })).messages;
  return { addresses: forgotten.length, messages: count };
}

/** What `forgetOnStage` left in the bucket. */
async function forgottenBefore(
  parts: StageForgetParts,
): Promise<{ readonly persons: ReadonlySet<string>; readonly messages: ReadonlySet<SesMessageId> }> {
  const bucket = parts.config.names.bucket;
  const persons = new Set<string>();
  const messages = new Set<SesMessageId>();
  for await (const { versions } of pagesOf(parts, { bucket, prefix: forgottenPrefix })) {
    for (const version of versions) {
      if (version.isMarker) continue;
      const object = await parts.versions.read(bucket, version);
      if (object === undefined) continue;
      const told = JSON.parse(Buffer.from(object.body).toString("utf8")) as {
        readonly person: string;
        readonly messages: readonly string[];
      };
      persons.add(told.person);
      for (const id of told.messages) {
        const known = parseSesMessageId(id);
        if (known) messages.add(known);
      }
    }
  }
  return { persons, messages };
}

async function wordsOfObject(
  { versions, ports }: StageForgetParts,
  bucket: string,
  version: Parameters<StageForgetParts["versions"]["read"]>[1],
): Promise<string | undefined> {
  const octets = await openVersion({ versions, keys: ports.keys }, bucket, version);
  if (octets === undefined || octets === "sealed") return undefined;
  const words = Buffer.from(octets).toString("utf8");
  if (!/base64|quoted-printable|=\?/i.test(words)) return words;
  const mail = await parseMail(octets).catch(() => undefined);
  return `${words}\n${mail === undefined ? "" : JSON.stringify(mail)}`;
}
