import type { Database } from "./database.ts";
import type { EngineStore, Refusal } from "./engine-store.ts";

// A stranger writes here: old entries go, and every field has its length.
const kept = 10_000;
const maxCharacters = 500;

/** Why nothing arrived: a ring of the newest refusals. Ids count all that ever were. */
export function createRefusals(database: Database): Pick<EngineStore, "refuse" | "refusals" | "refusalCount"> {
  return {
    refuse: (refusal) =>
      database.write((tx) => {
        const cut = JSON.stringify(refusal, (_, value) =>
          typeof value === "string" ? value.slice(0, maxCharacters) : value,
        );
        const { lastId } = tx.run("INSERT INTO refusals (refusal) VALUES (?)", cut);
        tx.run("DELETE FROM refusals WHERE id <= ?", lastId - kept);
      }),
    refusals: async ({ limit, before = Number.MAX_SAFE_INTEGER }) =>
      database.read((sql) =>
        sql.all("SELECT id, refusal FROM refusals WHERE id < ? ORDER BY id DESC LIMIT ?", before, limit).map((row) => {
          // Earlier versions wrote a member too many.
          const { accept: _, ...refusal } = JSON.parse(String(row["refusal"])) as Refusal & {
            readonly accept?: boolean;
          };
          return { ...refusal, id: Number(row["id"]) };
        }),
      ),
    // The newest is never deleted, so its id is the count.
    refusalCount: async () => database.read((sql) => Number(sql.get("SELECT max(id) AS n FROM refusals")?.["n"] ?? 0)),
  };
}
