import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { clientOptions } from "../../shared/aws/connection.ts";
import type { AwsPipeline } from "./aws-pipeline.ts";

/** By it the commands of a stage find what is there. */
export async function putDeploymentRecord({ config, proxy, tables }: AwsPipeline): Promise<void> {
  const client = clientOptions({
    region: config.region,
    endpoint: proxy.endpoint,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const record = {
    version: 1,
    stage: "test",
    region: config.region,
    accountId: config.accountId,
    configVersion: config.version,
    ruleSet: config.ruleSet.name,
    bucket: config.names.bucket,
    keyPrefix: config.names.keyPrefix,
    ledgerTable: tables.ledger,
    storeTable: tables.store,
    noticeTopicArn: config.names.noticeTopicArn,
    stackName: config.ruleSet.name,
  };
  await new SSMClient(client).send(
    new PutParameterCommand({ Name: "/mailweir/test/deployment", Type: "String", Value: JSON.stringify(record) }),
  );
}
