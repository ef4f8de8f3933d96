import type { Clock, Tallies } from "../../shared/ports.ts";
import type { Database } from "./database.ts";

const hourMs = 3_600_000;
const keptHours = 48;

/** One row for each name and hour; what is older than anybody asks for goes with the next one that is written. */
export function createTallies(database: Database, clock: Clock): Tallies {
  const hour = () => Math.floor(clock.now().getTime() / hourMs);
  return {
    add: (name) =>
      database.write((tx) => {
        tx.run("DELETE FROM tallies WHERE name = ? AND hour <= ?", name, hour() - keptHours);
        tx.run(
          "INSERT INTO tallies (name, hour, count) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
          name,
          hour(),
        );
      }),
    sum: async (name, hours) =>
      database.read((sql) =>
        Number(
          sql.get(
            "SELECT coalesce(sum(count), 0) AS n FROM tallies WHERE name = ? AND hour > ?",
            name,
            hour() - hours,
          )?.["n"],
        ),
      ),
  };
}
