import type { ReceiptAction, ReceiptRule, RuleSet } from "../../../shared/receipt/model.ts";

/** A rule that is enabled, without condition, without actions, unless told otherwise. */
export function rule(name: string, fields: Partial<Omit<ReceiptRule, "name">> = {}): ReceiptRule {
  return { name, enabled: true, tlsPolicy: "Optional", scanEnabled: false, recipients: [], actions: [], ...fields };
}

export const ruleSet = (...rules: ReceiptRule[]): RuleSet => ({ name: "main", rules });

export const store: ReceiptAction = { type: "S3", bucketName: "shop-inbound" };
export const stop: ReceiptAction = { type: "Stop", scope: "RuleSet" };
export const publish: ReceiptAction = {
  type: "SNS",
  topicArn: "arn:aws:sns:us-east-1:111122223333:inbound",
  encoding: "Base64",
};
export const bounce: ReceiptAction = {
  type: "Bounce",
  smtpReplyCode: "550",
  statusCode: "5.1.1",
  message: "Mailbox does not exist",
  sender: "bounce@shop.example",
};
export const invoke = (invocationType: "Event" | "RequestResponse"): ReceiptAction => ({
  type: "Lambda",
  functionArn: "arn:aws:lambda:us-east-1:111122223333:function:classify",
  invocationType,
});
export const addHeader = (headerName: string): ReceiptAction => ({ type: "AddHeader", headerName, headerValue: "yes" });
