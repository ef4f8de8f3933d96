import type { CompiledTemplate } from "../../infra/check-template.ts";
import { functionLogicalId } from "../../infra/cloudformation.ts";
import { type Deployment, describeDeployment } from "../../infra/deployment.ts";
import { serverlessFunctions } from "../../infra/functions.ts";
import { templateOf } from "../../infra/resources.ts";

export const example = {
  domains: ["example.com"],
  streams: { personal: { recipients: ["example.com"] }, ticket: { recipients: ["support@example.com"] } },
};

export const deployment = (change: object = {}, stage = "prod"): Deployment =>
  describeDeployment({ ...example, ...change }, stage);

/** The template as osls completes it: functions and their event sources. The slow test compares with osls itself. */
export function compile(one: Deployment): CompiledTemplate {
  const { Resources, Outputs } = templateOf(one);
  const functions = Object.entries(serverlessFunctions(one)).flatMap(([name, value]) => {
    const { timeout, environment, role, events } = JSON.parse(JSON.stringify(value));
    const id = functionLogicalId(name);
    return [
      [
        id,
        {
          Type: "AWS::Lambda::Function",
          Properties: { Timeout: timeout, Role: role, Environment: { Variables: environment } },
        },
      ],
      ...events.flatMap((event: Event, index: number) => eventSource(id, event, index)),
    ];
  });
  // Through JSON: what CloudFormation gets, and nothing that is undefined.
  return JSON.parse(JSON.stringify({ Resources: { ...Resources, ...Object.fromEntries(functions) }, Outputs }));
}

type Event =
  | { readonly sqs: { readonly arn: object; readonly functionResponseType: string } }
  | { readonly schedule: { readonly rate: readonly string[] } };

function eventSource(id: string, event: Event, index: number): readonly (readonly [string, object])[] {
  if ("schedule" in event) {
    const rule = `${id}EventsRuleSchedule${index}`;
    const target = { Arn: { "Fn::GetAtt": [id, "Arn"] }, Id: `${id}Schedule` };
    return [
      [
        rule,
        { Type: "AWS::Events::Rule", Properties: { ScheduleExpression: event.schedule.rate[0], Targets: [target] } },
      ],
      [
        `${id}PermissionEventsRuleSchedule${index}`,
        {
          Type: "AWS::Lambda::Permission",
          Properties: {
            FunctionName: { "Fn::GetAtt": [id, "Arn"] },
            Action: "lambda:InvokeFunction",
            Principal: "events.amazonaws.com",
            SourceArn: { "Fn::GetAtt": [rule, "Arn"] },
          },
        },
      ],
    ];
  }
  const { sqs } = event;
  return [
    [
      `${id}Source${index}`,
      {
        Type: "AWS::Lambda::EventSourceMapping",
        Properties: {
          EventSourceArn: sqs.arn,
          FunctionName: { "Fn::GetAtt": [id, "Arn"] },
          FunctionResponseTypes: [sqs.functionResponseType],
        },
      },
    ],
  ];
}
