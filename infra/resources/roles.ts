import { arnsOf, permissionsOf } from "../../shared/aws/permissions.ts";
import {
  getAtt,
  logicalId,
  policyDocument,
  type Resource,
  type Resources,
  type Statement,
  text,
  type Value,
} from "../cloudformation.ts";
import type { DeployedFunction, Deployment } from "../deployment.ts";
import { activationStatements } from "./activation.ts";
import { asyncDeadLetterArn } from "./function-targets.ts";
import { mailKeyArns } from "./mail-key.ts";
import { queueId } from "./queues.ts";
import { tableNames } from "./tables.ts";

export const roleId = (functionName: string): string => logicalId(functionName, "role");

/** One role a function, which allows what `shared/aws/permissions.ts` lists for it and nothing else. */
export function roleResources(deployment: Deployment): Resources {
  return Object.fromEntries(
    deployment.functions.map((one): [string, Resource] => [
      roleId(one.name),
      {
        Type: "AWS::IAM::Role",
        // No RoleName: role names are the account's, and two regions may hold the same stage.
        Properties: {
          Description: `${deployment.config.ruleSet.name}: the function ${one.name}`,
          AssumeRolePolicyDocument: policyDocument([trustLambda]),
          Policies: [{ PolicyName: one.name, PolicyDocument: policyDocument(statementsOf(one, deployment)) }],
        },
      },
    ]),
  );
}

const trustLambda: Statement = {
  Effect: "Allow",
  Principal: { Service: "lambda.amazonaws.com" },
  Action: ["sts:AssumeRole"],
};

function statementsOf(one: DeployedFunction, deployment: Deployment): readonly Statement[] {
  const { config } = deployment;
  const names = tableNames(deployment);
  const keys = mailKeyArns(config);
  const configurationSetArn = `arn:aws:ses:${config.region}:${config.accountId}:configuration-set/${config.names.configurationSet}`;
  const ownQueues = deployment.topology.queues
    .filter(({ consumer }) => consumer?.functionName === one.name)
    .map(({ name }) => getAtt(queueId(name, config), "Arn"));
  return [
    ...permissionsOf(one.name).flatMap(({ actions, resources }): Statement[] => {
      const arns = resources.flatMap((resource): readonly Value[] => {
        if (resource === "mail-key") return keys;
        // Of this deployment: AWS has queues that one machine has not.
        if (resource === "own-queues") return ownQueues;
        const options = { functionName: one.name, ledgerTable: names.ledger, storeTable: names.store, keyArn: "" };
        // Who sends with the stage's configuration set must be allowed to use it, too.
        if (resource === "identities" && actions.includes("ses:SendEmail")) {
          return [...arnsOf(resource, config, options), configurationSetArn].map(text);
        }
        return arnsOf(resource, config, options).map(text);
      });
      // Nothing to allow, such as a key that no configuration asks for.
      if (arns.length === 0) return [];
      return [{ Effect: "Allow", Action: actions, Resource: arns }];
    }),
    ...(one.name === "activate" ? activationStatements(deployment) : []),
    ...(one.asynchronous
      ? [{ Effect: "Allow", Action: ["sqs:SendMessage"], Resource: asyncDeadLetterArn(one) } as const]
      : []),
    ...(config.aws.tracing ? [tracing] : []),
  ];
}

/** X-Ray knows no resources: `*` is all that IAM takes here (see infra/check-template.ts). */
const tracing: Statement = {
  Effect: "Allow",
  Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
  Resource: "*",
};
