import { getAtt, type Resources, ref, sub, type Value } from "./cloudformation.ts";
import type { Deployment } from "./deployment.ts";
import { functionUrlId } from "./resources/function-targets.ts";
import { hasMailKey, mailKeyId } from "./resources/mail-key.ts";
import { tableNames } from "./resources/tables.ts";

/** Where a command that is given only `--stage` finds out what is deployed. */
export const deploymentParameter = (stage: string): string => `/mailweir/${stage}/deployment`;

/**
 * What the parameter says, as JSON. Names of queues and functions are not in it: they follow from the configuration and
 * the stage (`resourceNames`).
 */
export interface DeploymentRecord {
  readonly version: 1;
  readonly stage: string;
  readonly region: string;
  readonly accountId: string;
  readonly configVersion: string;
  readonly ruleSet: string;
  readonly bucket: string;
  readonly keyPrefix: string;
  readonly ledgerTable: string;
  readonly storeTable: string;
  readonly noticeTopicArn: string;
  readonly stackName: string;
}

export function deploymentRecordResources(deployment: Deployment): Resources {
  const { config, stage } = deployment;
  const tables = tableNames(deployment);
  const record: DeploymentRecord = {
    version: 1,
    stage,
    region: "${AWS::Region}",
    accountId: "${AWS::AccountId}",
    configVersion: config.version,
    ruleSet: config.ruleSet.name,
    bucket: "${MailBucket}",
    keyPrefix: config.names.keyPrefix,
    ledgerTable: tables.ledger,
    storeTable: tables.store,
    noticeTopicArn: "${NoticeTopic}",
    stackName: "${AWS::StackName}",
  };
  return {
    DeploymentParameter: {
      Type: "AWS::SSM::Parameter",
      Properties: {
        Name: deploymentParameter(stage),
        Type: "String",
        Description: "What this stage of Mailweir consists of; read by its command line",
        Value: sub(JSON.stringify(record)),
      },
    },
  };
}

/** What people look for in the console. */
export function outputs({
  config,
  functions,
}: Deployment): Readonly<Record<string, { readonly Value: Value; readonly Description: string }>> {
  return {
    MailBucketName: { Description: "Where SES stores every message", Value: ref("MailBucket") },
    NoticeTopicArn: { Description: "Every message that was stored", Value: ref("NoticeTopic") },
    RuleSetName: { Description: "The stage's receipt rule set", Value: ref("RuleSet") },
    InboundServer: {
      Description: "What the domains' MX records point to",
      Value: `inbound-smtp.${config.region}.amazonaws.com`,
    },
    ...(hasMailKey(config) && {
      MailKeyArn: { Description: "The key that mail is encrypted with", Value: getAtt(mailKeyId, "Arn") },
    }),
    ...Object.fromEntries(
      functions
        .filter(({ url }) => url)
        .map(({ name }) => [
          functionUrlId(name),
          { Description: `The function ${name}, for everybody`, Value: getAtt(functionUrlId(name), "FunctionUrl") },
        ]),
    ),
  };
}
