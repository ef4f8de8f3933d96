/** SES's limits per account and region (ses-receiving.md §9.7); none can be raised. 1 KB is 1024 octets, 1 MB 1024 KB. */
export const limits = {
  ruleSets: 40,
  rulesPerRuleSet: 200,
  actionsPerRule: 10,
  recipientsPerRule: 500,
  ipFilters: 100,
  /** As received: after dot-unstuffing, without SES's block. */
  messageBytes: 41_943_040,
  /** Stored bytes, block included, that an SNS action publishes; more is bounced (§5.5). */
  snsMessageBytes: 153_600,
  /** Names and values of `mail.headers`; the rest is cut and `headersTruncated` set (§6.5). */
  notificationHeaderBytes: 10_240,
  lambdaHeaderBytes: 51_200,
  syncLambdaMs: 30_000,
  /** From receipt until an action that keeps failing is given up (§1.6). */
  actionDeadlineMs: 14_400_000,
  /** SendBounce: how long after receipt (§9.6). */
  sendBounceWindowMs: 86_400_000,
  /** Not SES's but ours: a message with more Received headers is a loop (§11). */
  receivedHeaders: 100,
} as const;
