import * as z from "zod";
import type { VerdictStatus } from "../mail/judgement.ts";
import { verdictStatuses } from "../mail/judgement.ts";
import type { DmarcPolicy } from "./authentication.ts";
import type { NoticeAction } from "./notice.ts";
import { isRecord } from "./read-notice.ts";

/**
 * Our own schemas for what SES sends, because published ones refuse real events: no `dmarcPolicy`, a `RequestResponse`
 * action, a `DISABLED` verdict. Unknown members are ignored, so that a new field of SES's breaks nobody; what was seen in the wild
 * is read (ses-receiving.md §4.1, §6, §14).
 */
const header = z.object({ name: z.string(), value: z.string() });

/** One string, or a list of them; SES writes lists, hand-made events often a string. */
const strings = z.union([z.array(z.string()), z.string().transform((one) => [one])]);

const absentIfNull = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);

const commonHeadersSchema = z
  .object({
    returnPath: absentIfNull(z.string()),
    from: absentIfNull(strings),
    sender: absentIfNull(z.union([z.string(), z.array(z.string()).transform((all) => all.join(", "))])),
    replyTo: absentIfNull(strings),
    date: absentIfNull(z.string()),
    to: absentIfNull(strings),
    cc: absentIfNull(strings),
    bcc: absentIfNull(strings),
    messageId: absentIfNull(z.string()),
    subject: absentIfNull(z.string()),
  })
  .transform((fields) => withoutUndefined(fields));

export const mailSchema = z.object({
  timestamp: z.iso.datetime({ offset: true }),
  /** Null sender: `""`, `<>` or absent. */
  source: absentIfNull(z.string()).transform((source) => (source ?? "").replace(/^<([^<>]*)>$/, "$1")),
  messageId: z.string().min(1).max(998),
  destination: absentIfNull(strings).transform((list) => list ?? []),
  headersTruncated: z
    .union([z.boolean(), z.enum(["true", "false"]).transform((word) => word === "true")])
    .default(false),
  headers: absentIfNull(z.array(header)).transform((list) => list ?? []),
  commonHeaders: absentIfNull(commonHeadersSchema).transform((fields) => fields ?? {}),
});

/** A status we do not know is one that did not say PASS. */
const statusWord = z.string().transform((word): VerdictStatus => {
  const upper = word.toUpperCase();
  return verdictStatuses.find((status) => status === upper) ?? "PROCESSING_FAILED";
});
const verdict = absentIfNull(z.union([z.object({ status: statusWord }).transform(({ status }) => status), statusWord]));

const policyWord = z.string().transform((word): DmarcPolicy | undefined => {
  const lower = word.toLowerCase();
  return lower === "none" || lower === "quarantine" || lower === "reject" ? lower : undefined;
});
/** A string as recorded; an object with `status`, upper case, in an edition of 2018 and in sample code. */
const dmarcPolicy = absentIfNull(
  z.union([policyWord, z.object({ status: policyWord }).transform(({ status }) => status)]),
);

const topicArn = absentIfNull(z.string());
const encoding = z
  .string()
  .transform((word) => word.toUpperCase().replace("-", ""))
  .pipe(z.enum(["UTF8", "BASE64"]));

const actionByType = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("S3"),
    topicArn,
    bucketName: z.string().min(1),
    objectKeyPrefix: absentIfNull(z.string()),
    objectKey: z.string().min(1),
  }),
  z.object({ type: z.literal("SNS"), topicArn, encoding: absentIfNull(encoding) }),
  z.object({
    type: z.literal("Lambda"),
    topicArn,
    functionArn: z.string(),
    invocationType: z.enum(["Event", "RequestResponse"]).default("Event"),
  }),
  z.object({
    type: z.literal("Bounce"),
    topicArn,
    smtpReplyCode: z.coerce.string(),
    statusCode: absentIfNull(z.string()),
    message: z.string(),
    sender: z.string(),
  }),
  z.object({ type: z.literal("Stop"), topicArn }),
  z.object({ type: z.literal("WorkMail"), topicArn, organizationArn: z.string() }),
]);

/** The API says `WorkmailAction`, the payload `WorkMail`. */
const actionSchema = z
  .preprocess(
    (action) => (isRecord(action) && action["type"] === "Workmail" ? { ...action, type: "WorkMail" } : action),
    actionByType,
  )
  .transform((action) => withoutUndefined(action) as NoticeAction);

export const receiptSchema = z.object({
  timestamp: absentIfNull(z.string()),
  /** A number in every recording, a string by the guide's table. */
  processingTimeMillis: absentIfNull(
    z.union([
      z.number(),
      z
        .string()
        .regex(/^[0-9]{1,15}$/)
        .transform(Number),
    ]),
  ),
  recipients: strings,
  spamVerdict: verdict,
  virusVerdict: verdict,
  spfVerdict: verdict,
  dkimVerdict: verdict,
  dmarcVerdict: verdict,
  dmarcPolicy,
  action: actionSchema,
});

export const snsRecordSchema = z.object({ Sns: z.object({ Message: z.string() }) });
export const snsEnvelopeSchema = z.object({ Message: z.string() });
export const sqsRecordSchema = z.object({ body: z.string() });
export const s3RecordSchema = z.object({
  eventName: z.string(),
  s3: z.object({
    bucket: z.object({ name: z.string().min(1) }),
    object: z.object({ key: z.string().min(1), size: absentIfNull(z.number().nonnegative()) }),
  }),
});
export const sesRecordSchema = z.object({ ses: z.object({ mail: mailSchema, receipt: receiptSchema }) });
export const notificationSchema = z.object({
  mail: mailSchema,
  receipt: receiptSchema,
  content: absentIfNull(z.string()),
});

type Defined<Fields> = { [Key in keyof Fields as undefined extends Fields[Key] ? never : Key]: Fields[Key] } & {
  [Key in keyof Fields as undefined extends Fields[Key] ? Key : never]?: Exclude<Fields[Key], undefined>;
};

function withoutUndefined<Fields extends object>(fields: Fields): Defined<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<Fields>;
}
