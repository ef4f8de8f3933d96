import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { seeded } from "../../../bench/measure/signed-mails.ts";
import {
  mailSchema,
  notificationSchema,
  receiptSchema,
  s3RecordSchema,
  sesRecordSchema,
} from "../../../shared/receipt/notice-schemas.ts";
import { fields, NoticeFault, readMail, readReceipt, readS3Fields } from "../../../shared/receipt/read-notice.ts";
import { fuzzRuns } from "../../fuzz-runs.ts";
import { oddValues, withChanges } from "../odd-values.ts";

// Every received mail and every stored object among the events, as the pieces that are read.
interface Piece {
  readonly kind: "mail" | "receipt" | "s3";
  readonly value: unknown;
}

function piecesOf(value: unknown): Piece[] {
  if (typeof value === "string") {
    try {
      return piecesOf(JSON.parse(value));
    } catch {
      return [];
    }
  }
  if (typeof value !== "object" || value === null) return [];
  const own: Piece[] = [];
  if (sesRecordSchema.safeParse({ ses: value }).success || notificationSchema.safeParse(value).success) {
    const { mail, receipt } = value as { mail: unknown; receipt: unknown };
    own.push({ kind: "mail", value: mail }, { kind: "receipt", value: receipt });
  }
  if (s3RecordSchema.safeParse(value).success) own.push({ kind: "s3", value });
  return [...own, ...Object.values(value).flatMap(piecesOf)];
}

const folder = new URL("../../../events/", import.meta.url);
const recorded = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .flatMap((name) => piecesOf(JSON.parse(readFileSync(new URL(name, folder), "utf8"))));
const base = { topicArn: null, functionArn: "arn:aws:lambda:us-east-1:111122223333:function:f" };
// Members that no recording has, so that mutations meet them too.
const pieces: readonly Piece[] = [
  ...recorded,
  ...[
    { type: "Lambda", ...base, invocationType: "RequestResponse" },
    { type: "SNS", encoding: "utf-8" },
    { type: "Bounce", smtpReplyCode: 550, statusCode: "5.1.1", message: "no", sender: "a@shop.example" },
    { type: "Workmail", organizationArn: "arn:aws:workmail:us-east-1:111122223333:organization/m-1" },
    { type: "S3", bucketName: "mails", objectKeyPrefix: null, objectKey: "inbound/1" },
  ].map((action): Piece => {
    const receipt = recorded.find(({ kind }) => kind === "receipt")?.value;
    return {
      kind: "receipt",
      value: { ...(receipt as object), dmarcPolicy: { status: "NONE" }, processingTimeMillis: "17", action },
    };
  }),
];

type Read = { readonly value: unknown } | { readonly faultAt: string };

function byHand({ kind }: Piece, value: unknown): Read {
  try {
    if (kind === "mail") return { value: readMail(value, "mail") };
    if (kind === "receipt") return { value: readReceipt(value, "receipt") };
    return { value: readS3Fields(fields(value, "")) };
  } catch (error) {
    if (error instanceof NoticeFault) return { faultAt: error.path };
    throw error;
  }
}

function bySchema({ kind }: Piece, value: unknown): Read {
  const schema = { mail: mailSchema, receipt: receiptSchema, s3: s3RecordSchema }[kind];
  const result = schema.safeParse(value);
  if (result.success) {
    if (kind !== "s3") return { value: result.data };
    const { eventName, s3 } = s3RecordSchema.parse(value);
    return { value: { eventName, bucket: s3.bucket.name, key: s3.object.key, size: s3.object.size } };
  }
  const path = (result.error.issues[0]?.path ?? []).reduce<string>(
    (text, step) =>
      typeof step === "number" ? `${text}[${step}]` : text === "" ? String(step) : `${text}.${String(step)}`,
    kind === "s3" ? "" : kind,
  );
  return { faultAt: path };
}

test("what is recorded is read as the schemas read it", () => {
  expect(new Set(pieces.map(({ kind }) => kind))).toEqual(new Set(["mail", "receipt", "s3"]));
  for (const piece of pieces) {
    const read = byHand(piece, piece.value);
    expect(read).toHaveProperty("value");
    expect(read).toEqual(bySchema(piece, piece.value));
  }
});

test("what was changed in any place is read alike, or refused at the same place", () => {
  const { seed, numRuns } = fuzzRuns(20_261_124, 8_000);
  const random = seeded(seed);
  const counts = { read: 0, refused: 0 };
  for (let number = 0; number < numRuns; number += 1) {
    const piece = pieces[number % pieces.length] as Piece;
    const value = withChanges(piece.value, random);
    const read = byHand(piece, value);
    expect(read, JSON.stringify(value)).toEqual(bySchema(piece, value));
    counts["value" in read ? "read" : "refused"] += 1;
  }
  expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(numRuns / 8);
}, 120_000);

test.for(oddValues.filter((value) => typeof value === "string"))("a time: %s", (timestamp) => {
  const piece = pieces.find(({ kind }) => kind === "mail") as Piece;
  const value = { ...(piece.value as object), timestamp };
  expect(byHand(piece, value)).toEqual(bySchema(piece, value));
});
