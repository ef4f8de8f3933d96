import type { Header } from "../mail/headers.ts";
import type { VerdictStatus } from "../mail/judgement.ts";
import type { DmarcPolicy } from "./authentication.ts";

/**
 * The shapes of SES receiving's payloads (ses-receiving.md §6), members in the order in which SES emits them. Published
 * type packages lack fields and actions, so these are our own. For writing; what may be read is in `parse-notice.ts`.
 */
export interface SesNotification {
  readonly notificationType: "Received";
  readonly mail: SesMail;
  readonly receipt: SesReceipt;
  /** Only of the SNS action: the stored message as text or base64. */
  readonly content?: string;
}

export interface SesMail {
  /** `YYYY-MM-DDTHH:MM:SS.mmmZ`. */
  readonly timestamp: string;
  /** Envelope sender without angle brackets; `""` for the null sender. */
  readonly source: string;
  readonly messageId: string;
  /** Addresses of the headers To and Cc. Never route on it. */
  readonly destination: readonly string[];
  readonly headersTruncated: boolean;
  readonly headers: readonly Header[];
  readonly commonHeaders: SesCommonHeaders;
}

/** Only what the message has: a missing header has no key. */
export interface SesCommonHeaders {
  readonly returnPath?: string;
  readonly from?: readonly string[];
  readonly sender?: string;
  readonly replyTo?: readonly string[];
  readonly date?: string;
  readonly to?: readonly string[];
  readonly cc?: readonly string[];
  readonly bcc?: readonly string[];
  readonly messageId?: string;
  readonly subject?: string;
}

export interface SesVerdict {
  readonly status: VerdictStatus;
}

export interface SesReceipt {
  readonly timestamp: string;
  readonly processingTimeMillis: number;
  /** Envelope recipients that the rule being run matched. */
  readonly recipients: readonly string[];
  readonly spamVerdict: SesVerdict;
  readonly virusVerdict: SesVerdict;
  readonly spfVerdict: SesVerdict;
  readonly dkimVerdict: SesVerdict;
  readonly dmarcVerdict: SesVerdict;
  readonly action: SesAction;
  readonly dmarcPolicy?: DmarcPolicy;
}

/** `receipt.action` (§6.4). AddHeader and Connect are never reported. */
export type SesAction =
  | {
      readonly type: "S3";
      readonly topicArn: string;
      readonly bucketName: string;
      readonly objectKeyPrefix?: string;
      readonly objectKey: string;
    }
  | { readonly type: "SNS"; readonly topicArn: string; readonly encoding: "UTF8" | "BASE64" }
  | {
      readonly type: "Lambda";
      readonly topicArn?: string;
      readonly functionArn: string;
      readonly invocationType: "Event" | "RequestResponse";
    }
  | {
      readonly type: "Bounce";
      readonly topicArn: string;
      readonly smtpReplyCode: string;
      readonly statusCode?: string;
      readonly message: string;
      readonly sender: string;
    }
  | { readonly type: "Stop"; readonly topicArn: string }
  | { readonly type: "WorkMail"; readonly topicArn: string; readonly organizationArn: string };

/** What a Lambda action's function is given (§6.8): always one record. */
export interface SesLambdaEvent {
  readonly Records: readonly [
    {
      readonly eventSource: "aws:ses";
      readonly eventVersion: "1.0";
      readonly ses: { readonly mail: SesMail; readonly receipt: SesReceipt };
    },
  ];
}

/** SNS to HTTP/S, and to SQS without raw delivery (§6.7). */
export interface SnsEnvelope {
  readonly Type: "Notification";
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Subject?: string;
  readonly Message: string;
  readonly Timestamp: string;
  readonly SignatureVersion: string;
  readonly Signature: string;
  readonly SigningCertURL: string;
  readonly UnsubscribeURL: string;
}

/** SNS to Lambda (§6.7): capital `EventSource`, `…Url` instead of `…URL`. */
export interface SnsLambdaEvent {
  readonly Records: readonly {
    readonly EventSource: "aws:sns";
    readonly EventVersion: "1.0";
    readonly EventSubscriptionArn: string;
    readonly Sns: {
      readonly Type: "Notification";
      readonly MessageId: string;
      readonly TopicArn: string;
      readonly Subject: string | null;
      readonly Message: string;
      readonly Timestamp: string;
      readonly SignatureVersion: string;
      readonly Signature: string;
      readonly SigningCertUrl: string;
      readonly UnsubscribeUrl: string;
      readonly MessageAttributes: Readonly<Record<string, never>>;
    };
  }[];
}

/** An S3 bucket's event for one stored object (§6.9). */
export interface S3Event {
  readonly Records: readonly {
    readonly eventVersion: "2.1";
    readonly eventSource: "aws:s3";
    readonly awsRegion: string;
    readonly eventTime: string;
    readonly eventName: "ObjectCreated:Put";
    readonly userIdentity: { readonly principalId: string };
    readonly requestParameters: { readonly sourceIPAddress: string };
    readonly responseElements: { readonly "x-amz-request-id": string; readonly "x-amz-id-2": string };
    readonly s3: {
      readonly s3SchemaVersion: "1.0";
      readonly configurationId: string;
      readonly bucket: {
        readonly name: string;
        readonly ownerIdentity: { readonly principalId: string };
        readonly arn: string;
      };
      /** `key` is URL-encoded, a space as `+`; `size` is that of the stored, perhaps encrypted, object. */
      readonly object: {
        readonly key: string;
        readonly size: number;
        readonly eTag: string;
        readonly sequencer: string;
      };
    };
  }[];
}

/** What an event source mapping hands to a function that reads a queue (§6.10). */
export interface SqsEvent {
  readonly Records: readonly SqsRecord[];
}

export interface SqsRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: {
    readonly ApproximateReceiveCount: string;
    readonly SentTimestamp: string;
    readonly SenderId: string;
    readonly ApproximateFirstReceiveTimestamp: string;
  };
  readonly messageAttributes: Readonly<Record<string, never>>;
  readonly md5OfBody: string;
  readonly eventSource: "aws:sqs";
  readonly eventSourceARN: string;
  readonly awsRegion: string;
}
