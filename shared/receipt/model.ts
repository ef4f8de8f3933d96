/**
 * SES's own model of receiving, in the SES API's words (API 2010-12-01, shapes of `CreateReceiptRule`), with one change:
 * an action is a union by `type`, so that "exactly one action type" holds by construction.
 */
export interface RuleSet {
  readonly name: string;
  readonly rules: readonly ReceiptRule[];
}

export interface ReceiptRule {
  readonly name: string;
  readonly enabled: boolean;
  readonly tlsPolicy: "Require" | "Optional";
  readonly scanEnabled: boolean;
  /** Conditions as SES stores them: lower case, sorted, no duplicates. Empty: every recipient of a verified domain. */
  readonly recipients: readonly string[];
  readonly actions: readonly ReceiptAction[];
}

export type ReceiptAction =
  | S3Action
  | SnsAction
  | LambdaAction
  | BounceAction
  | StopAction
  | AddHeaderAction
  | WorkMailAction
  | ConnectAction;

export interface S3Action {
  readonly type: "S3";
  readonly bucketName: string;
  readonly objectKeyPrefix?: string;
  readonly kmsKeyArn?: string;
  readonly iamRoleArn?: string;
  readonly topicArn?: string;
}
export interface SnsAction {
  readonly type: "SNS";
  readonly topicArn: string;
  readonly encoding: "UTF-8" | "Base64";
}
export interface LambdaAction {
  readonly type: "Lambda";
  readonly functionArn: string;
  readonly invocationType: "Event" | "RequestResponse";
  readonly topicArn?: string;
}
export interface BounceAction {
  readonly type: "Bounce";
  readonly smtpReplyCode: string;
  readonly statusCode?: string;
  readonly message: string;
  readonly sender: string;
  readonly topicArn?: string;
}
export interface StopAction {
  readonly type: "Stop";
  readonly scope: "RuleSet";
  readonly topicArn?: string;
}
export interface AddHeaderAction {
  readonly type: "AddHeader";
  readonly headerName: string;
  readonly headerValue: string;
}
export interface WorkMailAction {
  readonly type: "WorkMail";
  readonly organizationArn: string;
  readonly topicArn?: string;
}
export interface ConnectAction {
  readonly type: "Connect";
  readonly instanceArn: string;
  readonly iamRoleArn: string;
}

export interface IpFilter {
  readonly name: string;
  readonly policy: "Allow" | "Block";
  /** One address or a CIDR block, IPv4 or IPv6; host bits may be set, as SES allows. */
  readonly cidr: string;
}

export type Disposition = "CONTINUE" | "STOP_RULE" | "STOP_RULE_SET";
