import type { Secrets, Suppression } from "../../shared/ports.ts";
import type { KeyRing } from "../../shared/tokens/key-ring.ts";
import { addressKeyFingerprint, createPersonOf, personToOctets } from "../../shared/unsubscribe/person.ts";
import type { Database } from "./database.ts";
import { AddressKeyChangedError } from "./errors.ts";

/**
 * Suppressions that were kept under the plain address, before there were keys, move under its hash: a step of the schema
 * that SQL alone cannot take.
 */
export async function hashPlainSuppressions(database: Database, secrets: Pick<Secrets, "keyRing">): Promise<void> {
  if (!database.read((sql) => sql.get("SELECT 1 FROM plain_suppressions LIMIT 1"))) return;
  const personOf = createPersonOf(await secrets.keyRing());
  await database.write((tx) => {
    for (const row of tx.all("SELECT suppression FROM plain_suppressions")) {
      const { address, list, reason, since, evidence } = JSON.parse(String(row["suppression"])) as Suppression;
      if (address === undefined) continue;
      const person = personToOctets(personOf(address));
      tx.run(
        "INSERT OR IGNORE INTO suppressed (person, list, address, reason, since, evidence) VALUES (?, ?, ?, ?, ?, ?)",
        person,
        list,
        address,
        reason,
        since,
        JSON.stringify(evidence),
      );
      tx.run(
        "INSERT INTO suppression_changes (person, list, kind, reason, at, evidence) VALUES (?, ?, 'suppressed', ?, ?, ?)",
        person,
        list,
        reason,
        since,
        JSON.stringify(evidence),
      );
    }
    tx.run("DELETE FROM plain_suppressions");
    tx.run("DELETE FROM plain_suppression_history");
  });
}

/**
 * Refuses to go on with another address secret than the one that the kept suppressions were hashed by: nobody of them
 * would be found any more, and all would get mail again.
 *
 * @throws {AddressKeyChangedError}
 */
export async function bindAddressKey(database: Database, ring: KeyRing): Promise<void> {
  const fingerprint = addressKeyFingerprint(ring);
  await database.write((tx) => {
    const kept = tx.get("SELECT value FROM settings WHERE name = 'address-key'")?.["value"];
    if (kept === fingerprint) return;
    if (kept !== undefined && tx.get("SELECT 1 FROM suppressed LIMIT 1")) throw new AddressKeyChangedError();
    tx.run("INSERT OR REPLACE INTO settings (name, value) VALUES ('address-key', ?)", fingerprint);
  });
}
