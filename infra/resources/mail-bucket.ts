import { getAtt, policyDocument, type Resources, ref, sub, text } from "../cloudformation.ts";
import type { Deployment } from "../deployment.ts";
import { queueId } from "./queues.ts";
import { fromOurRules } from "./service-conditions.ts";

const noncurrentDays = 30;

/**
 * Where SES stores every message. Nobody but SES and our functions gets at it, only over TLS. It stays when the stack
 * goes: mail is never deleted by a deployment.
 */
export function mailBucketResources({ config, topology }: Deployment): Resources {
  const { aws, names } = config;
  const eventQueue = topology.buckets.find(({ name }) => name === names.bucket)?.eventQueue;
  return {
    MailBucket: {
      Type: "AWS::S3::Bucket",
      // S3 tests at the bucket's creation whether it may send to the queue.
      ...(eventQueue !== undefined && { DependsOn: [`${queueId(eventQueue, config)}Policy`] }),
      DeletionPolicy: "RetainExceptOnCreate",
      UpdateReplacePolicy: "Retain",
      Properties: {
        BucketName: text(names.bucket),
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
        },
        ...(aws.versioning && { VersioningConfiguration: { Status: "Enabled" } }),
        LifecycleConfiguration: {
          Rules: [
            {
              Id: "unfinished-uploads",
              Status: "Enabled",
              AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
            },
            ...(aws.versioning
              ? [
                  {
                    Id: "old-versions",
                    Status: "Enabled",
                    NoncurrentVersionExpiration: { NoncurrentDays: noncurrentDays },
                  },
                ]
              : []),
            ...(aws.archiveMailAfterDays !== undefined
              ? [
                  {
                    Id: "archive-mail",
                    Status: "Enabled",
                    Prefix: names.keyPrefix,
                    Transitions: [{ StorageClass: "STANDARD_IA", TransitionInDays: aws.archiveMailAfterDays }],
                  },
                ]
              : []),
          ],
        },
        ...(eventQueue !== undefined && {
          NotificationConfiguration: {
            QueueConfigurations: [
              {
                Event: "s3:ObjectCreated:*",
                Queue: getAtt(queueId(eventQueue, config), "Arn"),
                Filter: { S3Key: { Rules: [{ Name: "prefix", Value: names.keyPrefix }] } },
              },
            ],
          },
        }),
      },
    },
    MailBucketPolicy: {
      Type: "AWS::S3::BucketPolicy",
      // With the bucket, or destroy would leave a bucket that nobody's rules may read over plain HTTP but everybody may try.
      DeletionPolicy: "RetainExceptOnCreate",
      UpdateReplacePolicy: "Retain",
      Properties: {
        Bucket: ref("MailBucket"),
        PolicyDocument: policyDocument([
          {
            Sid: "SesStoresMail",
            Effect: "Allow",
            Principal: { Service: "ses.amazonaws.com" },
            Action: ["s3:PutObject"],
            Resource: sub(`\${MailBucket.Arn}/*`),
            Condition: fromOurRules(config.ruleSet.name),
          },
          {
            Sid: "OnlyOverTls",
            Effect: "Deny",
            Principal: "*",
            Action: ["s3:*"],
            Resource: [getAtt("MailBucket", "Arn"), sub(`\${MailBucket.Arn}/*`)],
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          },
        ]),
      },
    },
  };
}
