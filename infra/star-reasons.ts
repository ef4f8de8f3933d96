/** Actions that a role may do on every resource, each with the reason. What is not here is refused (check-template.ts). */
export const starReasons: Readonly<Record<string, string>> = {
  "ses:DescribeActiveReceiptRuleSet": "receipt rules have no ARNs in IAM; SES v1 takes only * for them",
  "ses:DescribeReceiptRuleSet": "receipt rules have no ARNs in IAM; SES v1 takes only * for them",
  "ses:SetActiveReceiptRuleSet": "the active set is the region's, one for all; SES v1 takes only * for it",
  "ses:PutSuppressedDestination": "the account's suppression list is one and has no ARN",
  "ses:DeleteSuppressedDestination": "the account's suppression list is one and has no ARN",
  "xray:PutTraceSegments": "X-Ray knows no resources",
  "xray:PutTelemetryRecords": "X-Ray knows no resources",
};
