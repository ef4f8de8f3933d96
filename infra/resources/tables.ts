import { ledgerTable, storeTable, type TableSchema } from "../../shared/aws/tables.ts";
import type { Resource, Resources } from "../cloudformation.ts";
import type { Deployment } from "../deployment.ts";

export const tableNames = ({ config }: Pick<Deployment, "config">) => ({
  ledger: `${config.ruleSet.name}-ledger`,
  store: `${config.ruleSet.name}-store`,
});

/** The tables, billed by request: nothing is paid for while no mail comes. They stay when the stack goes. */
export function tableResources(deployment: Deployment): Resources {
  const names = tableNames(deployment);
  const { pointInTimeRecovery } = deployment.config.aws;
  return {
    LedgerTable: table(names.ledger, ledgerTable, pointInTimeRecovery),
    StoreTable: table(names.store, storeTable, pointInTimeRecovery),
  };
}

function table(name: string, schema: TableSchema, pointInTimeRecovery: boolean): Resource {
  const keys = [schema, ...schema.indexes].flatMap(({ hashKey, rangeKey }) => [hashKey, rangeKey]);
  return {
    Type: "AWS::DynamoDB::Table",
    DeletionPolicy: "RetainExceptOnCreate",
    UpdateReplacePolicy: "Retain",
    Properties: {
      TableName: name,
      BillingMode: "PAY_PER_REQUEST",
      // Every key attribute exactly once: DynamoDB refuses one that no key uses, and a key that is not declared.
      AttributeDefinitions: [...new Set(keys)].map((key) => ({ AttributeName: key, AttributeType: "S" })),
      KeySchema: keySchema(schema),
      ...(schema.indexes.length > 0 && {
        GlobalSecondaryIndexes: schema.indexes.map((index) => ({
          IndexName: index.name,
          KeySchema: keySchema(index),
          Projection: { ProjectionType: index.projection },
        })),
      }),
      TimeToLiveSpecification: { AttributeName: schema.ttlAttribute, Enabled: true },
      SSESpecification: { SSEEnabled: false },
      ...(pointInTimeRecovery && { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } }),
    },
  };
}

function keySchema({ hashKey, rangeKey }: { readonly hashKey: string; readonly rangeKey: string }) {
  return [
    { AttributeName: hashKey, KeyType: "HASH" },
    { AttributeName: rangeKey, KeyType: "RANGE" },
  ];
}
