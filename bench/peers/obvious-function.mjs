// A function as one writes it: every client, the tools and the parser at the top, one file for whatever comes. Bundled by
// bench/cold-start.ts with the project's own dependencies. It does less than Mailweir: nothing is judged, and nothing is exactly once.

import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import { Metrics } from "@aws-lambda-powertools/metrics";
import { logMetrics } from "@aws-lambda-powertools/metrics/middleware";
import { Tracer } from "@aws-lambda-powertools/tracer";
import { captureLambdaHandler } from "@aws-lambda-powertools/tracer/middleware";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { KMSClient } from "@aws-sdk/client-kms";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SESClient } from "@aws-sdk/client-ses";
import { SNSClient } from "@aws-sdk/client-sns";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import middy from "@middy/core";
import { simpleParser } from "mailparser";

const logger = new Logger({ serviceName: "obvious" });
const metrics = new Metrics({ namespace: "Obvious", serviceName: "obvious" });
const tracer = new Tracer({ serviceName: "obvious", enabled: false });
const dynamo = new DynamoDBClient({});
const s3 = new S3Client({ forcePathStyle: true });
const sqs = new SQSClient({});
export const others = [new KMSClient({}), new SESClient({}), new SNSClient({})];
const queue = `${process.env.AWS_ENDPOINT_URL}/123456789012/tickets`;

const put = (id, fields) =>
  dynamo.send(
    new PutItemCommand({
      TableName: "mails",
      Item: { pk: { S: id }, sk: { S: "mail" }, data: { S: JSON.stringify(fields) } },
      ConditionExpression: "attribute_not_exists(pk)",
    }),
  );

async function work(record) {
  const body = JSON.parse(record.body);
  if (body.notificationType === "Received") {
    const { mail, receipt } = body;
    await put(mail.messageId, { recipients: receipt.recipients, subject: mail.commonHeaders.subject });
    await sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: JSON.stringify({ id: mail.messageId }) }));
    logger.info("routed", { id: mail.messageId });
    return;
  }
  const { bucket, key } = body.content;
  const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const parsed = await simpleParser(object.Body);
  await put(body.sesMessageId, { subject: parsed.subject, text: parsed.text });
  metrics.addMetric("Tickets", "Count", 1);
  logger.info("ticket", { id: body.sesMessageId });
}

export const handler = middy(async (event, context) => {
  const [first] = event.Records;
  if (first.eventSource === "aws:ses") {
    const { spamVerdict, virusVerdict } = first.ses.receipt;
    const bad = spamVerdict.status === "FAIL" || virusVerdict.status === "FAIL";
    logger.info("decided", { id: first.ses.mail.messageId });
    return { disposition: bad ? "STOP_RULE_SET" : "CONTINUE" };
  }
  return processPartialResponse(event, work, new BatchProcessor(EventType.SQS), { context });
})
  .use(captureLambdaHandler(tracer))
  .use(injectLambdaContext(logger, { resetKeys: true }))
  .use(logMetrics(metrics, { captureColdStartMetric: true }));
