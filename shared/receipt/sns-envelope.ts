import type { SnsEnvelope, SnsLambdaEvent } from "./notification.ts";

export interface SnsDelivery {
  /** A UUID, one per published message. */
  readonly messageId: string;
  readonly topicArn: string;
  readonly subscriptionArn: string;
  readonly subject?: string;
  readonly message: string;
  readonly publishedAt: Date;
  /** Base64; nobody but AWS can make a true one. Default: a well-formed one that verifies nowhere. */
  readonly signature?: string;
}

const unverifiable = Buffer.from("EXAMPLE").toString("base64");

/** SNS over HTTP/S, and the body of an SQS message without raw delivery (ses-receiving.md §6.7). */
export function buildSnsEnvelope(delivery: SnsDelivery): SnsEnvelope {
  return {
    Type: "Notification",
    MessageId: delivery.messageId,
    TopicArn: delivery.topicArn,
    ...(delivery.subject !== undefined && { Subject: delivery.subject }),
    Message: delivery.message,
    Timestamp: delivery.publishedAt.toISOString(),
    SignatureVersion: "1",
    Signature: delivery.signature ?? unverifiable,
    SigningCertURL: signingCertUrl(delivery.topicArn),
    UnsubscribeURL: unsubscribeUrl(delivery),
  };
}

/** SNS to a subscribed function: capital `EventSource`, and `…Url` where the envelope has `…URL`. */
export function buildSnsLambdaEvent(delivery: SnsDelivery): SnsLambdaEvent {
  return {
    Records: [
      {
        EventSource: "aws:sns",
        EventVersion: "1.0",
        EventSubscriptionArn: delivery.subscriptionArn,
        Sns: {
          Type: "Notification",
          MessageId: delivery.messageId,
          TopicArn: delivery.topicArn,
          Subject: delivery.subject ?? null,
          Message: delivery.message,
          Timestamp: delivery.publishedAt.toISOString(),
          SignatureVersion: "1",
          Signature: delivery.signature ?? unverifiable,
          SigningCertUrl: signingCertUrl(delivery.topicArn),
          UnsubscribeUrl: unsubscribeUrl(delivery),
          MessageAttributes: {},
        },
      },
    ],
  };
}

const regionOf = (arn: string) => arn.split(":")[3] || "us-east-1";

const signingCertUrl = (topicArn: string) =>
  `https://sns.${regionOf(topicArn)}.amazonaws.com/SimpleNotificationService-0000.pem`;

const unsubscribeUrl = ({ topicArn, subscriptionArn }: SnsDelivery) =>
  `https://sns.${regionOf(topicArn)}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=${subscriptionArn}`;
