import { parseMail } from "../../shared/mail/parse-mail.ts";
import { addressesIn } from "../../shared/retention/addresses-in.ts";
import { createPersonOf } from "../../shared/unsubscribe/person.ts";
import type { Store } from "../store/open-store.ts";
import { forgetAddress } from "./forget-address.ts";
import { pagesOf, tablesOf } from "./table-pages.ts";

/**
 * Takes out of restored data whoever was forgotten after it was saved. Only keyed hashes are known of them: every address
 * that the data names is hashed and looked up.
 *
 * @param persons - keyed hashes
 * @returns how many addresses were forgotten again
 */
export async function forgetAgain(store: Store, persons: ReadonlySet<string>, at: string): Promise<number> {
  if (persons.size === 0) return 0;
  const personOf = createPersonOf(await store.ports.secrets.keyRing());
  const seen = new Set<string>();
  const forgotten: string[] = [];
  const look = (text: string) => {
    for (const address of addressesIn(text)) {
      if (seen.has(address)) continue;
      seen.add(address);
      if (persons.has(personOf(address))) forgotten.push(address);
    }
  };
  for (const table of store.database.read(tablesOf)) {
    if (table === "contents") continue;
    for await (const page of pagesOf(store.database, table)) {
      for (const value of page.flatMap((row) => Object.values(row))) {
        if (typeof value === "string") look(value);
        else if (value instanceof Uint8Array) look(Buffer.from(value).toString("utf8"));
      }
    }
  }
  const ids = store.database.read((sql) => sql.all("SELECT id FROM contents ORDER BY id").map(({ id }) => Number(id)));
  for (const id of ids) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.contents.open(id) ?? []) chunks.push(chunk);
    const octets = Buffer.concat(chunks);
    const text = octets.toString("utf8");
    look(text);
    if (!/base64|quoted-printable|=\?/i.test(text)) continue;
    const mail = await parseMail(octets).catch(() => undefined);
    if (mail) look(JSON.stringify(mail));
  }
  const nothing = async () => undefined;
  for (const address of forgotten) {
    await forgetAddress(
      {
        store,
        // Made anew at the next start.
        search: { forget: nothing, sweep: nothing },
        async forgetPerson(whom) {
          const person = personOf(whom);
          await store.ports.suppressions.forget(person, at);
          return { person };
        },
        configuration: "",
        again: true,
      },
      address,
    );
  }
  return forgotten.length;
}
