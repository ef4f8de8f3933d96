import type { ApiError } from "./api-error.ts";
import { normaliseRecipients } from "./match-recipient.ts";
import type { ReceiptAction, ReceiptRule } from "./model.ts";
import { nameProblems, notInSet, notNull, validationError } from "./validate-name.ts";

/** A receipt rule as the SES API, its SDKs and CloudFormation spell it (ses-receiving.md §9.2). */
export interface ApiReceiptRule {
  readonly Name?: string;
  readonly Enabled?: boolean;
  readonly TlsPolicy?: string;
  readonly ScanEnabled?: boolean;
  readonly Recipients?: readonly string[];
  readonly Actions?: readonly ApiReceiptAction[];
}

/** Exactly one member is set in a good one. */
export interface ApiReceiptAction {
  readonly S3Action?: ApiFields;
  readonly BounceAction?: ApiFields;
  readonly WorkmailAction?: ApiFields;
  readonly LambdaAction?: ApiFields;
  readonly StopAction?: ApiFields;
  readonly AddHeaderAction?: ApiFields;
  readonly SNSAction?: ApiFields;
  readonly ConnectAction?: ApiFields;
}
export type ApiFields = Readonly<Record<string, string | undefined>>;

/**
 * Reads a rule of the API into the model, defaults filled in. Refuses what the API refuses at
 * protocol level, all faults in one message, before anything is looked up. Next come `validateRule` and, for what is kept, `storedRule`.
 */
export function readApiRule(raw: ApiReceiptRule): { readonly rule: ReceiptRule } | { readonly error: ApiError } {
  const actions = raw.Actions ?? [];
  const problems = [
    ...nameProblems(raw.Name, "rule.name"),
    ...(raw.TlsPolicy === undefined || isOneOf(raw.TlsPolicy, tlsPolicies)
      ? []
      : [notInSet("rule.tlsPolicy", tlsPolicies)]),
    ...actions.flatMap((action, index) => protocolProblems(action, index + 1)),
  ];
  const protocolError = validationError(problems);
  if (protocolError) return { error: protocolError };

  const read: ReceiptAction[] = [];
  for (const [index, action] of actions.entries()) {
    const types = actionTypes.filter((type) => action[type] !== undefined);
    const [type] = types;
    if (type === undefined || types.length > 1) {
      return {
        error: {
          code: "InvalidParameterValue",
          message: "Exactly one action type must be specified for each ReceiptAction",
          at: `actions[${index}]`,
        },
      };
    }
    read.push(readers[type](action[type] ?? {}));
  }
  return {
    rule: {
      name: raw.Name ?? "",
      enabled: raw.Enabled ?? false,
      tlsPolicy: raw.TlsPolicy === "Require" ? "Require" : "Optional",
      scanEnabled: raw.ScanEnabled ?? false,
      recipients: raw.Recipients ?? [],
      actions: read,
    },
  };
}

/** The rule as SES stores it: recipients in lower case, without duplicates, sorted. After `validateRule`. */
export function storedRule(rule: ReceiptRule): ReceiptRule {
  return { ...rule, recipients: normaliseRecipients(rule.recipients) };
}

/** The rule as Describe shows it: defaults spelled out, `Recipients` absent when there is no condition. */
export function toApiRule(rule: ReceiptRule): ApiReceiptRule & { readonly Actions: readonly ApiReceiptAction[] } {
  return {
    Name: rule.name,
    Enabled: rule.enabled,
    TlsPolicy: rule.tlsPolicy,
    ...(rule.recipients.length > 0 && { Recipients: rule.recipients }),
    Actions: rule.actions.map(toApiAction),
    ScanEnabled: rule.scanEnabled,
  };
}

/** One action in the API's spelling; members that are not set are absent. */
export function toApiAction(action: ReceiptAction): ApiReceiptAction {
  switch (action.type) {
    case "S3":
      return {
        S3Action: defined({
          TopicArn: action.topicArn,
          BucketName: action.bucketName,
          ObjectKeyPrefix: action.objectKeyPrefix,
          KmsKeyArn: action.kmsKeyArn,
          IamRoleArn: action.iamRoleArn,
        }),
      };
    case "Bounce":
      return {
        BounceAction: defined({
          TopicArn: action.topicArn,
          SmtpReplyCode: action.smtpReplyCode,
          StatusCode: action.statusCode,
          Message: action.message,
          Sender: action.sender,
        }),
      };
    case "WorkMail":
      return { WorkmailAction: defined({ TopicArn: action.topicArn, OrganizationArn: action.organizationArn }) };
    case "Lambda":
      return {
        LambdaAction: defined({
          TopicArn: action.topicArn,
          FunctionArn: action.functionArn,
          InvocationType: action.invocationType,
        }),
      };
    case "Stop":
      return { StopAction: defined({ Scope: action.scope, TopicArn: action.topicArn }) };
    case "AddHeader":
      return { AddHeaderAction: { HeaderName: action.headerName, HeaderValue: action.headerValue } };
    case "SNS":
      return { SNSAction: { TopicArn: action.topicArn, Encoding: action.encoding } };
    case "Connect":
      return { ConnectAction: { InstanceARN: action.instanceArn, IAMRoleARN: action.iamRoleArn } };
  }
}

const tlsPolicies = ["Optional", "Require"] as const;
const encodings = ["Base64", "UTF-8"] as const;
const invocationTypes = ["RequestResponse", "Event"] as const;
const scopes = ["RuleSet"] as const;

const actionTypes = [
  "S3Action",
  "BounceAction",
  "WorkmailAction",
  "LambdaAction",
  "StopAction",
  "AddHeaderAction",
  "SNSAction",
  "ConnectAction",
] as const satisfies readonly (keyof ApiReceiptAction)[];
type ActionType = (typeof actionTypes)[number];

/** Required members in the order in which the API reports them missing, and members with a fixed set of values. */
const constraints: Readonly<
  Record<ActionType, { required: readonly string[]; enums?: Readonly<Record<string, readonly string[]>> }>
> = {
  S3Action: { required: ["BucketName"] },
  BounceAction: { required: ["SmtpReplyCode", "Sender", "Message"] },
  WorkmailAction: { required: ["OrganizationArn"] },
  LambdaAction: { required: ["FunctionArn"], enums: { InvocationType: invocationTypes } },
  StopAction: { required: ["Scope"], enums: { Scope: scopes } },
  AddHeaderAction: { required: ["HeaderName", "HeaderValue"] },
  SNSAction: { required: ["TopicArn"], enums: { Encoding: encodings } },
  ConnectAction: { required: ["InstanceARN", "IAMRoleARN"] },
};

function protocolProblems(action: ApiReceiptAction, position: number): string[] {
  return actionTypes.flatMap((type) => {
    const fields = action[type];
    if (!fields) return [];
    const member = (name: string) => `rule.actions.${position}.member.${lowerFirst(type)}.${lowerFirst(name)}`;
    const { required, enums = {} } = constraints[type];
    return [
      ...required.filter((name) => fields[name] === undefined).map((name) => notNull(member(name))),
      ...Object.entries(enums).flatMap(([name, values]) => {
        const value = fields[name];
        return value === undefined || values.includes(value) ? [] : [notInSet(member(name), values)];
      }),
    ];
  });
}

const readers: Readonly<Record<ActionType, (fields: ApiFields) => ReceiptAction>> = {
  S3Action: (fields) => ({
    type: "S3",
    bucketName: fields["BucketName"] ?? "",
    ...optional("objectKeyPrefix", fields["ObjectKeyPrefix"]),
    ...optional("kmsKeyArn", fields["KmsKeyArn"]),
    ...optional("iamRoleArn", fields["IamRoleArn"]),
    ...optional("topicArn", fields["TopicArn"]),
  }),
  BounceAction: (fields) => ({
    type: "Bounce",
    smtpReplyCode: fields["SmtpReplyCode"] ?? "",
    ...optional("statusCode", fields["StatusCode"]),
    message: fields["Message"] ?? "",
    sender: fields["Sender"] ?? "",
    ...optional("topicArn", fields["TopicArn"]),
  }),
  WorkmailAction: (fields) => ({
    type: "WorkMail",
    organizationArn: fields["OrganizationArn"] ?? "",
    ...optional("topicArn", fields["TopicArn"]),
  }),
  LambdaAction: (fields) => ({
    type: "Lambda",
    functionArn: fields["FunctionArn"] ?? "",
    invocationType: fields["InvocationType"] === "RequestResponse" ? "RequestResponse" : "Event",
    ...optional("topicArn", fields["TopicArn"]),
  }),
  StopAction: (fields) => ({ type: "Stop", scope: "RuleSet", ...optional("topicArn", fields["TopicArn"]) }),
  AddHeaderAction: (fields) => ({
    type: "AddHeader",
    headerName: fields["HeaderName"] ?? "",
    headerValue: fields["HeaderValue"] ?? "",
  }),
  SNSAction: (fields) => ({
    type: "SNS",
    topicArn: fields["TopicArn"] ?? "",
    encoding: fields["Encoding"] === "Base64" ? "Base64" : "UTF-8",
  }),
  ConnectAction: (fields) => ({
    type: "Connect",
    instanceArn: fields["InstanceARN"] ?? "",
    iamRoleArn: fields["IAMRoleARN"] ?? "",
  }),
};

function optional<Name extends string>(name: Name, value: string | undefined): { readonly [Key in Name]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [Key in Name]: string });
}

function defined(fields: ApiFields): ApiFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const isOneOf = (value: string, values: readonly string[]) => values.includes(value);
const lowerFirst = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);
