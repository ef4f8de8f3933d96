import type { Topology } from "../../shared/config/topology.ts";
import type { Clock } from "../../shared/ports.ts";
import type { Database, Row, Transaction } from "./database.ts";
import type { EngineStore, Invocation } from "./engine-store.ts";

/** Asynchronous invocations as rows with a due time; those that were given up stay, with their cause. */
export function createInvocations(
  database: Database,
  clock: Clock,
): Pick<EngineStore, "takeInvocations" | "settleInvocation"> {
  return {
    async takeInvocations(now, lockedUntil, limit) {
      if (!database.read((sql) => sql.get(selectDue, now.getTime(), 1))) return [];
      return database.write((tx) => {
        const rows = tx.all(selectDue, now.getTime(), limit);
        for (const row of rows) {
          tx.run(
            "UPDATE invocations SET attempts = attempts + 1, due_at = ? WHERE id = ?",
            lockedUntil.getTime(),
            Number(row["id"]),
          );
        }
        return rows.map(toInvocation);
      });
    },
    settleInvocation: (id, { retryAt, cause }) =>
      database.write((tx) => {
        if (retryAt === undefined && cause === undefined) {
          tx.run("DELETE FROM invocations WHERE id = ?", id);
          return;
        }
        tx.run(
          "UPDATE invocations SET due_at = ?, cause = ? WHERE id = ?",
          retryAt?.getTime() ?? null,
          cause?.slice(0, 1000) ?? null,
          id,
        );
        if (retryAt !== undefined && retryAt <= clock.now()) tx.wake();
      }),
  };
}

export function insertInvocation(tx: Transaction, arn: string, payload: string, now: number): void {
  tx.run(
    "INSERT INTO invocations (function_arn, payload, created_at, due_at) VALUES (?, ?, ?, ?)",
    arn,
    payload,
    now,
    now,
  );
  tx.wake();
}

export function functionArn(topology: Topology, name: string): string {
  return topology.functions.find((candidate) => candidate.name === name)?.arn ?? name;
}

const selectDue = "SELECT * FROM invocations WHERE due_at <= ? ORDER BY due_at, id LIMIT ?";

function toInvocation(row: Row): Invocation {
  return {
    id: Number(row["id"]),
    functionArn: String(row["function_arn"]),
    payload: String(row["payload"]),
    attempts: Number(row["attempts"]) + 1,
    createdAt: new Date(Number(row["created_at"])),
  };
}
