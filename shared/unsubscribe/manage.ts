import { MailweirError } from "../errors.ts";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import type { Ports, Suppression, SuppressionChange, SuppressionReason, SuppressResult } from "../ports.ts";
import { everything, parseListId } from "./list-id.ts";
import { createPersonOf } from "./person.ts";

/** A person by address; or by hash, where somebody has only that. */
export interface Whom {
  readonly address?: string;
  /** 26 characters, see `createPersonOf`. */
  readonly person?: string;
}

export interface ImportRow extends Whom {
  /** Default `*`. */
  readonly list?: string;
  /** Default `import`. */
  readonly reason?: SuppressionReason;
  /** ISO 8601; default now. */
  readonly since?: string;
  readonly until?: string;
}

export interface Standing {
  readonly person: string;
  readonly suppressed: boolean;
  /** The one that counts for the list that was asked about. */
  readonly suppression?: Suppression;
  /** All of the person's. */
  readonly all: readonly Suppression[];
  readonly history: readonly SuppressionChange[];
}

/** What somebody asked of the list by hand cannot be done as it stands. */
export class SuppressionInputError extends MailweirError {
  readonly code = "ERR_SUPPRESSION_INPUT";
  readonly retryable = false;
}

export type SuppressionPorts = Pick<Ports, "suppressions" | "secrets" | "clock" | "random">;

/** The suppression list for the people who run it: command line and API do the same here. */
export async function manageSuppressions(ports: SuppressionPorts) {
  const { suppressions, clock, random } = ports;
  const personOf = createPersonOf(await ports.secrets.keyRing());
  const now = () => clock.now().toISOString();
  /** Two commands are two wishes, even with the same words. */
  const effect = () => ({ effect: `manual ${Buffer.from(random.bytes(12)).toString("hex")}` });
  const find = ({ address, person }: Whom) => findPerson(personOf, address, person);

  return {
    async add(given: Whom & { readonly list?: string; readonly note?: string }): Promise<SuppressResult> {
      const suppression = {
        ...find(given),
        list: listOf(given.list),
        reason: "manual",
        since: now(),
        evidence: { note: noteOf(given.note) ?? "added by hand" },
      } as const;
      return suppressions.suppress(effect(), suppression);
    },
    /** @param given.forgotten - also what `forget` left, for somebody who came back by themselves */
    async remove(given: Whom & { readonly list?: string; readonly note?: string; readonly forgotten?: boolean }) {
      const { person } = find(given);
      const list = listOf(given.list);
      const evidence = { note: noteOf(given.note) ?? "removed by hand" };
      const reasons = given.forgotten === true ? (["forgotten"] as const) : undefined;
      return suppressions.remove(effect(), { person, list, at: now(), evidence, ...(reasons && { reasons }) });
    },
    async check(given: Whom & { readonly list?: string }): Promise<Standing> {
      const { person } = find(given);
      const [suppression, all, history] = await Promise.all([
        suppressions.check(person, listOf(given.list)),
        suppressions.of(person),
        suppressions.history(person),
      ]);
      return { person, suppressed: suppression !== undefined, ...(suppression && { suppression }), all, history };
    },
    async forget(given: Whom): Promise<{ readonly person: string }> {
      const { person } = find(given);
      await suppressions.forget(person, now());
      return { person };
    },
    /**
     * @param rows - at most 1,000
     * @param source - where they come from, for the evidence
     * @throws {SuppressionInputError} when a row is wrong: nothing of this call was written
     */
    async importRows(
      rows: readonly ImportRow[],
      source: string,
    ): Promise<{ readonly added: number; readonly known: number }> {
      const at = now();
      const evidence = { note: `imported from ${source.slice(0, 200)}` };
      const all = rows.map(({ list, reason = "import", since, until, ...whom }): Suppression => {
        const ends = until === undefined ? undefined : timeOf(until, "until");
        return {
          ...find(whom),
          list: listOf(list),
          reason,
          since: since === undefined ? at : timeOf(since, "since"),
          ...(ends !== undefined && { until: ends }),
          evidence,
        };
      });
      const added = await suppressions.importAll(all);
      return { added, known: all.length - added };
    },
  };
}

/** What is wrong with a row, so that the others of its batch need not wait for it; `undefined` when nothing is. */
export function faultOf({ address, person, list, since, until }: ImportRow): string | undefined {
  try {
    findPerson(() => "", address, person);
    listOf(list);
    if (since !== undefined) timeOf(since, "since");
    if (until !== undefined) timeOf(until, "until");
    return undefined;
  } catch (error) {
    if (error instanceof SuppressionInputError) return error.message;
    throw error;
  }
}

export type SuppressionManager = Awaited<ReturnType<typeof manageSuppressions>>;

function findPerson(
  personOf: (address: string) => string,
  address: string | undefined,
  person: string | undefined,
): { readonly person: string; readonly address?: string } {
  if (address !== undefined) {
    const normal = normaliseAddress(address);
    if (parseMailAddress(normal) === undefined) {
      throw new SuppressionInputError(`${JSON.stringify(address.slice(0, 100))} is no mail address`);
    }
    return { person: personOf(normal), address: normal };
  }
  if (person !== undefined && /^[a-z2-7]{26}$/.test(person)) return { person };
  throw new SuppressionInputError("Name a mail address, or a person by the 26 characters of the hash");
}

function listOf(list: string | undefined): string {
  const id = list === undefined || list === "" ? everything : parseListId(list);
  // What a token could not name stands under a key, and an export holds that.
  if (id !== undefined || /^~[a-z2-7]{8}$/.test(list ?? "")) return id ?? (list as string);
  throw new SuppressionInputError(
    `${JSON.stringify(list?.slice(0, 70))} is no list's id: letters, digits, ".", "_", "-", or "*" for all`,
  );
}

function timeOf(text: string, name: string): string {
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new SuppressionInputError(
    `${name} ${JSON.stringify(text.slice(0, 50))} is no time: write for example 2026-08-04T09:15:00Z`,
  );
}

function noteOf(note: string | undefined): string | undefined {
  return note === undefined || note === "" ? undefined : note.slice(0, 500);
}
