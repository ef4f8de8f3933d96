import {
  functionLogicalId,
  getAtt,
  logicalId,
  policyDocument,
  type Resource,
  type Resources,
  ref,
  text,
  type Value,
} from "../cloudformation.ts";
import type { DeployedFunction, Deployment } from "../deployment.ts";
import { deadLetterQueue, onlyOverTls } from "./queues.ts";
import { foreignPermissionId, invokePermissionId } from "./receiving.ts";
import { ruleArn } from "./service-conditions.ts";

/** Who may call a function from outside: SES by its rules, anybody over a URL; and where failed calls end. */
export function functionTargetResources(deployment: Deployment): Resources {
  const { config, functions } = deployment;
  const called = lambdaTargets(deployment);
  return Object.fromEntries([
    ...called.map(({ arn, rules }): [string, Resource] => {
      const own = functions.find((one) => one.arn === arn);
      return [
        own ? invokePermissionId(own.name) : foreignPermissionId(arn),
        {
          Type: "AWS::Lambda::Permission",
          Properties: {
            Action: "lambda:InvokeFunction",
            FunctionName: own ? getAtt(functionLogicalId(own.name), "Arn") : text(arn),
            Principal: "ses.amazonaws.com",
            SourceAccount: ref("AWS::AccountId"),
            SourceArn: ruleArn(config.ruleSet.name, rules.length === 1 ? (rules[0] ?? "*") : "*"),
          },
        },
      ];
    }),
    ...functions.filter(({ url }) => url).flatMap(({ name }) => Object.entries(functionUrl(name))),
    ...functions
      .filter(({ asynchronous }) => asynchronous)
      .flatMap((one) => Object.entries(asyncDeadLetters(one, deployment))),
  ]);
}

/** Every function that a rule invokes, with those rules. */
function lambdaTargets({ config }: Deployment): readonly { readonly arn: string; readonly rules: readonly string[] }[] {
  const rules = new Map<string, Set<string>>();
  for (const rule of config.ruleSet.rules) {
    for (const action of rule.actions) {
      if (action.type !== "Lambda") continue;
      rules.set(action.functionArn, (rules.get(action.functionArn) ?? new Set()).add(rule.name));
    }
  }
  return [...rules].map(([arn, names]) => ({ arn, rules: [...names] }));
}

export const functionUrlId = (name: string): string => logicalId(name, "url");

/**
 * A URL for everybody, such as a mail program that unsubscribes with one click. Since October 2025 Lambda asks for two
 * permissions: to use the URL, and to invoke the function, the latter only by way of the URL.
 */
function functionUrl(name: string): Resources {
  const target = getAtt(functionLogicalId(name), "Arn");
  return {
    [functionUrlId(name)]: {
      Type: "AWS::Lambda::Url",
      Properties: { TargetFunctionArn: target, AuthType: "NONE" },
    },
    [logicalId(name, "url-permission")]: {
      Type: "AWS::Lambda::Permission",
      Properties: {
        Action: "lambda:InvokeFunctionUrl",
        FunctionName: target,
        Principal: "*",
        FunctionUrlAuthType: "NONE",
      },
    },
    [logicalId(name, "url-invoke-permission")]: {
      Type: "AWS::Lambda::Permission",
      Properties: {
        Action: "lambda:InvokeFunction",
        FunctionName: target,
        Principal: "*",
        InvokedViaFunctionUrl: true,
      },
    },
  };
}

export const asyncDeadLetterId = (name: string): string => logicalId(name, "dead-letters");
export const asyncDeadLetterArn = ({ name }: Pick<DeployedFunction, "name">): Value =>
  getAtt(asyncDeadLetterId(name), "Arn");

function asyncDeadLetters(one: DeployedFunction, { config }: Deployment): Resources {
  const id = asyncDeadLetterId(one.name);
  return {
    [id]: deadLetterQueue(`${config.ruleSet.name}-${one.name}-dlq`),
    [`${id}Policy`]: {
      Type: "AWS::SQS::QueuePolicy",
      Properties: { Queues: [ref(id)], PolicyDocument: policyDocument([onlyOverTls(id)]) },
    },
    [logicalId(one.name, "invocations")]: {
      Type: "AWS::Lambda::EventInvokeConfig",
      Properties: {
        FunctionName: ref(functionLogicalId(one.name)),
        Qualifier: "$LATEST",
        MaximumRetryAttempts: 2,
        MaximumEventAgeInSeconds: 21_600,
        DestinationConfig: { OnFailure: { Destination: getAtt(id, "Arn") } },
      },
    },
  };
}
