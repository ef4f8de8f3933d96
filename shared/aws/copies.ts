import { CloudWatchLogsClient, DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeContinuousBackupsCommand, type DynamoDBClient, ListBackupsCommand } from "@aws-sdk/client-dynamodb";
import type { Clock } from "../ports.ts";
import type { Connection } from "./connection.ts";
import { clientOptions } from "./connection.ts";

/** A copy of what a stage keeps, or kept, that no command can change. */
export interface Copy {
  readonly kind: "point-in-time" | "backup" | "queue" | "log";
  readonly name: string;
  /** ISO 8601: from then on nothing of today is in it. `null`: never, unless somebody deletes it. */
  readonly until: string | null;
  readonly how: string;
}

const dayMs = 86_400_000;
// SQS keeps a message for no longer.
const queueDays = 14;

/**
 * Where what was deleted now may still be, and until when. What may not be asked is told as such: a list that is silent about
 * backups would be believed.
 */
export async function listCopies(
  client: DynamoDBClient,
  connection: Connection,
  clock: Clock,
  { tables, prefix }: { readonly tables: readonly string[]; readonly prefix: string },
): Promise<readonly Copy[]> {
  const later = (days: number) => new Date(clock.now().getTime() + days * dayMs).toISOString();
  const notKnown = (kind: Copy["kind"], name: string, error: unknown): Copy => ({
    kind,
    name,
    until: null,
    how: `could not be asked (${error instanceof Error ? error.name : "unknown"}): see for yourself`,
  });
  const copies: Copy[] = [];
  for (const table of tables) {
    try {
      const { ContinuousBackupsDescription } = await client.send(
        new DescribeContinuousBackupsCommand({ TableName: table }),
      );
      const pointInTime = ContinuousBackupsDescription?.PointInTimeRecoveryDescription;
      if (pointInTime?.PointInTimeRecoveryStatus === "ENABLED") {
        const days = pointInTime.RecoveryPeriodInDays ?? 35;
        copies.push({
          kind: "point-in-time",
          name: table,
          until: later(days),
          how: `point-in-time recovery, ${days} days`,
        });
      }
    } catch (error) {
      copies.push(notKnown("point-in-time", table, error));
    }
    try {
      let from: string | undefined;
      do {
        const command = new ListBackupsCommand({
          TableName: table,
          BackupType: "ALL",
          ...(from !== undefined && { ExclusiveStartBackupArn: from }),
        });
        const { BackupSummaries = [], LastEvaluatedBackupArn } = await client.send(command);
        for (const { BackupName = "", BackupExpiryDateTime, BackupCreationDateTime } of BackupSummaries) {
          copies.push({
            kind: "backup",
            name: `${table}, ${BackupName}`,
            until: BackupExpiryDateTime?.toISOString() ?? null,
            how: `backup of ${BackupCreationDateTime?.toISOString().slice(0, 10) ?? "an unknown day"}${BackupExpiryDateTime ? "" : ": aws dynamodb delete-backup"}`,
          });
        }
        from = LastEvaluatedBackupArn;
      } while (from !== undefined);
    } catch (error) {
      copies.push(notKnown("backup", table, error));
    }
  }
  copies.push({
    kind: "queue",
    name: `${prefix}-*`,
    until: later(queueDays),
    how: "what was under way on queues: it ends without effect when it is worked on",
  });
  const logs = new CloudWatchLogsClient(clientOptions(connection));
  try {
    const { logGroups = [] } = await logs.send(
      new DescribeLogGroupsCommand({ logGroupNamePrefix: `/aws/lambda/${prefix}-` }),
    );
    const days = logGroups.map(({ retentionInDays }) => retentionInDays ?? Number.POSITIVE_INFINITY);
    const longest = Math.max(0, ...days);
    if (days.length > 0) {
      copies.push({
        kind: "log",
        name: `/aws/lambda/${prefix}-*`,
        until: Number.isFinite(longest) ? later(longest) : null,
        how: "logs: ids and outcomes of mail, no addresses but in the words of a failed target",
      });
    }
  } catch (error) {
    copies.push(notKnown("log", `/aws/lambda/${prefix}-*`, error));
  } finally {
    logs.destroy();
  }
  return copies;
}
