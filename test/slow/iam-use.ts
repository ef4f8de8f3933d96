import { arnsOf, permissionsOf } from "../../shared/aws/permissions.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Call } from "./aws-proxy.ts";

interface Use {
  readonly action: string;
  /** ARN, as far as a call tells it. */
  readonly resource: string;
}

/** What IAM would ask about one call (Service Authorization Reference). */
export function usesOf(
  { service, operation, body, path }: Call,
  { region, accountId }: ResolvedConfig,
): readonly Use[] {
  const arn = (of: string, rest: string) => `arn:aws:${of}:${region}:${accountId}:${rest}`;
  const request = () =>
    JSON.parse(body) as Record<string, string> & {
      TransactItems: Record<string, { TableName: string }>[];
      RequestItems: object;
    };
  switch (service) {
    case "dynamodb": {
      const table = (name: string | undefined) => arn("dynamodb", `table/${name}`);
      if (operation === "TransactWriteItems") {
        const actions: Readonly<Record<string, string>> = {
          Put: "PutItem",
          Update: "UpdateItem",
          Delete: "DeleteItem",
          ConditionCheck: "ConditionCheckItem",
        };
        return request().TransactItems.flatMap((item) =>
          Object.entries(item).map(([kind, { TableName }]) => ({
            action: `dynamodb:${actions[kind]}`,
            resource: table(TableName),
          })),
        );
      }
      if (operation === "BatchGetItem") {
        return Object.keys(request().RequestItems).map((name) => ({
          action: "dynamodb:BatchGetItem",
          resource: table(name),
        }));
      }
      const { TableName, IndexName } = request();
      const index = IndexName === undefined ? "" : `/index/${IndexName}`;
      return [{ action: `dynamodb:${operation}`, resource: `${table(TableName)}${index}` }];
    }
    case "sqs": {
      const queue = request()["QueueUrl"]?.split("/").at(-1) ?? "";
      return [{ action: `sqs:${operation.replace(/Batch$/, "")}`, resource: arn("sqs", queue) }];
    }
    case "s3": {
      const [, bucket = "", ...key] = (path.split("?")[0] ?? "").split("/");
      const query = new URLSearchParams(path.split("?")[1] ?? "");
      if (query.has("versions")) return [{ action: "s3:ListBucketVersions", resource: `arn:aws:s3:::${bucket}` }];
      if (query.has("delete")) {
        return [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].flatMap(([, name]) =>
          ["s3:DeleteObject", "s3:DeleteObjectVersion"].map((action) => ({
            action,
            resource: `arn:aws:s3:::${bucket}/${name}`,
          })),
        );
      }
      const actions: Readonly<Record<string, string>> = {
        GET: "GetObject",
        HEAD: "GetObject",
        PUT: "PutObject",
        POST: "PutObject",
        DELETE: "DeleteObject",
      };
      return [
        {
          action: `s3:${actions[operation]}${query.has("versionId") ? "Version" : ""}`,
          resource: `arn:aws:s3:::${bucket}/${decodeURIComponent(key.join("/"))}`,
        },
      ];
    }
    case "kms":
      return [{ action: `kms:${operation}`, resource: "key" }];
    case "secretsmanager": {
      const id = request()["SecretId"] ?? "";
      return [{ action: `secretsmanager:${operation}`, resource: arn("secretsmanager", `secret:${id}-AbCdEf`) }];
    }
    default:
      return [{ action: `${service}:${operation}`, resource: "unknown" }];
  }
}

/** Whether the function's role allows it. */
export function allows(
  functionName: string,
  { action, resource }: Use,
  config: ResolvedConfig,
  tables: { readonly ledger: string; readonly store: string },
): boolean {
  const options = { functionName, ledgerTable: tables.ledger, storeTable: tables.store, keyArn: "key" };
  return permissionsOf(functionName).some(
    ({ actions, resources }) =>
      actions.includes(action) &&
      resources.some((of) => arnsOf(of, config, options).some((pattern) => matches(pattern, resource))),
  );
}

/** IAM's wildcards: `*` any characters, `?` one. */
function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(text);
}
