import { CreateTableCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { TableSchema } from "../../shared/aws/tables.ts";

/** Makes a table as the deployment would. */
export async function createTable(client: DynamoDBClient, name: string, schema: TableSchema): Promise<void> {
  const keys = [schema, ...schema.indexes].flatMap(({ hashKey, rangeKey }) => [hashKey, rangeKey]);
  const keySchema = ({ hashKey, rangeKey }: Pick<TableSchema, "hashKey" | "rangeKey">) => [
    { AttributeName: hashKey, KeyType: "HASH" as const },
    { AttributeName: rangeKey, KeyType: "RANGE" as const },
  ];
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [...new Set(keys)].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: keySchema(schema),
      GlobalSecondaryIndexes: schema.indexes.map((index) => ({
        IndexName: index.name,
        KeySchema: keySchema(index),
        Projection: { ProjectionType: index.projection },
      })),
    }),
  );
}
