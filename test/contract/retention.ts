import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshAddress } from "./opened.ts";

/** One home of the pipeline with everything that keeps mail and ends it, opened for a whole suite; time is moved, never waited for. */
export interface RetentionHome {
  /** Days since it was opened, by its clock. */
  day(): number;
  moveTo(day: number): Promise<void>;
  /** What is over by the clock goes, as the job of this home does it: everything is looked at once. */
  pass(): Promise<void>;
  /** A mail that arrived, and of which nothing is left to do. @returns its SES message id */
  receive(mail: ContractMail): Promise<string>;
  /** As `receive` to `ann@example.com`, on the shortest way that leaves what a delivered mail leaves. */
  place(mail?: Pick<ContractMail, "from">): Promise<string>;
  /** `half`: something of it is there, and something not. */
  fate(id: string): Promise<"kept" | "gone" | "half">;
  tickets(): Promise<readonly { readonly id: number; readonly subject: string }[]>;
  closeTicket(id: number): Promise<void>;
  /** @param onWait - called when somebody who deletes is waited for */
  hold(subject: string, onWait?: () => void): Promise<void>;
  release(subject: string): Promise<void>;
  /** @returns of how many messages. Rejects where it refuses, with the reason */
  forget(address: string): Promise<number>;
  /** Places that name the address, but for holds; read by other eyes than the deletion's. */
  traces(address: string): Promise<readonly string[]>;
  /**
   * Runs it with something that is asked before each of its calls of a store: `killed` ends it there as if the process had died,
   * a promise is waited for.
   */
  during<T>(work: () => Promise<T>, before: (call: number) => "killed" | Promise<unknown> | undefined): Promise<T>;
  /** Of the calls of a run the test spoils one in so many, where each costs too much time. */
  readonly stride: number;
  close(): Promise<void>;
}

export interface ContractMail {
  readonly to: readonly string[];
  readonly from?: string;
  readonly subject?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a home of these suites has in its configuration. */
export const contractRetention = {
  default: { days: 10 },
  streams: { ticket: { days: 30 }, personal: { natures: { "auto-reply": { days: 20 } } } },
  tickets: { days: 60 },
} as const;

const ann = "ann@example.com";
const support = "support@example.com";
const base64 = (text: string) => ({
  headers: { "MIME-Version": "1.0", "Content-Type": "text/plain", "Content-Transfer-Encoding": "base64" },
  body: Buffer.from(text).toString("base64"),
});
const at = async <T>(ids: readonly T[], ask: (id: T) => Promise<string>) => Promise.all(ids.map(ask));

/**
 * What a period, a closed ticket and a hold mean, and what a run that is killed may leave. Each test has mail of its own and a later
 * year: nothing of the test before is left that could be over.
 */
export function retentionContract(name: string, timeoutMs: number, open: () => Promise<RetentionHome>): void {
  describe(`retention on ${name}`, { timeout: timeoutMs }, () => {
    let home: RetentionHome;
    beforeAll(async () => {
      home = await open();
    }, timeoutMs);
    afterAll(() => home?.close(), timeoutMs);
    const later = async () => {
      const start = home.day() + 100;
      await home.moveTo(start);
      await home.pass();
      return (days: number) => home.moveTo(start + days);
    };

    test("mail goes whole when the longest of its recipients' periods is over, and not before", async () => {
      const moveTo = await later();
      const personal = await home.receive({ to: [ann] });
      const both = await home.receive({ to: [ann, support], subject: "Both" });
      const automatic = await home.receive({
        to: [ann],
        subject: "Automatic reply: out of office",
        headers: { "Auto-Submitted": "auto-replied" },
      });
      const all = [personal, both, automatic];
      await moveTo(8);
      await home.pass();
      expect(await at(all, home.fate)).toEqual(["kept", "kept", "kept"]);
      await moveTo(13);
      await home.pass();
      expect(await at(all, home.fate)).toEqual(["gone", "kept", "kept"]);
      await moveTo(23);
      await home.pass();
      expect(await at(all, home.fate)).toEqual(["gone", "kept", "gone"]);
      await moveTo(33);
      await home.pass();
      expect(await at(all, home.fate)).toEqual(["gone", "gone", "gone"]);
      // Its ticket has a period of its own.
      expect((await home.tickets()).map(({ subject }) => subject)).toContain("Both");
    });

    test("a hold on a message, or on an address anywhere in it, keeps it until it is released", async () => {
      const moveTo = await later();
      const witness = freshAddress("witness");
      const byId = await home.receive({ to: [ann] });
      const byAddress = await home.receive({ to: [ann], ...base64(`Ask ${witness.toUpperCase()} about it.`) });
      const other = await home.receive({ to: [ann], ...base64(`Ask x.${witness} about it.`) });
      for (const subject of [byId, witness]) await home.hold(subject);
      await moveTo(20);
      await home.pass();
      expect(await at([byId, byAddress, other], home.fate)).toEqual(["kept", "kept", "gone"]);
      await home.release(byId);
      await moveTo(23);
      await home.pass();
      expect(await at([byId, byAddress], home.fate)).toEqual(["gone", "kept"]);
      await home.release(witness);
      await moveTo(26);
      await home.pass();
      expect(await home.fate(byAddress)).toBe("gone");
    });

    test("a hold on a message that is gone, or never was, is refused: it would keep nothing", async () => {
      const moveTo = await later();
      const id = await home.place();
      await moveTo(13);
      await home.pass();
      expect(await home.fate(id)).toBe("gone");
      for (const subject of [id, `0000${id.slice(4)}`]) {
        await expect(home.hold(subject)).rejects.toMatchObject({ code: "ERR_HOLD_TOO_LATE" });
      }
    });

    test("a ticket goes when it was closed so long ago; an open one, and one that names who is held, do not", async () => {
      const moveTo = await later();
      const authors = ["open", "closed", "held"].map((what) => [what, freshAddress(what)] as const);
      for (const [what, from] of authors) {
        await home.receive({ to: [support], from, subject: `It is ${what}`, headers: { From: from } });
      }
      const subjects = async () => (await home.tickets()).map(({ subject }) => subject).filter((s) => /^It is/.test(s));
      for (const { id, subject } of await home.tickets()) if (subject !== "It is open") await home.closeTicket(id);
      const held = authors[2]?.[1] ?? "";
      await home.hold(held);
      await moveTo(58);
      await home.pass();
      expect((await subjects()).sort()).toEqual(["It is closed", "It is held", "It is open"]);
      await moveTo(63);
      await home.pass();
      expect((await subjects()).sort()).toEqual(["It is held", "It is open"]);
      await home.release(held);
      await moveTo(66);
      await home.pass();
      expect(await subjects()).toEqual(["It is open"]);
    });

    test("killed at any call and run again, it leaves nothing half there", async () => {
      const moveTo = await later();
      const ids = [await home.receive({ to: [ann] }), await home.receive({ to: [ann, support] })];
      await moveTo(35);
      let cuts = 0;
      for (let reach = 1; ; reach += home.stride) {
        let died = false;
        await home
          .during(home.pass, (call) => {
            died ||= call >= reach;
            return call >= reach ? "killed" : undefined;
          })
          .catch(() => undefined);
        if (!died) break;
        cuts += 1;
      }
      expect(cuts).toBeGreaterThan(2);
      await moveTo(38);
      await home.pass();
      expect(await at(ids, home.fate)).toEqual(["gone", "gone"]);
    });

    test("a hold that comes at any call of a pass wins, or is refused: never is anything held and deleted", async () => {
      const moveTo = await later();
      let day = 0;
      const ends = new Set<string>();
      for (let reach = 1; ; reach += home.stride) {
        const id = await home.place();
        day += 13;
        await moveTo(day);
        const { isReached, held } = await holdDuring(home, home.pass, reach, id);
        const end = held ? "kept" : "gone";
        expect([reach, await home.fate(id)]).toEqual([reach, end]);
        if (!isReached) break;
        ends.add(end);
        if (!held) continue;
        await home.release(id);
      }
      expect([...ends].sort()).toEqual(["gone", "kept"]);
    });

    test("a hold on an address that comes at any call of a pass: what is there at its return stays there", async () => {
      const moveTo = await later();
      let day = 0;
      const ends = new Set<string>();
      for (let reach = 1; ; reach += home.stride) {
        const from = freshAddress("sender");
        const id = await home.place({ from });
        day += 13;
        await moveTo(day);
        const { isReached, held, fate } = await holdDuring(home, home.pass, reach, from, id);
        expect([reach, held]).toEqual([reach, true]);
        // Half of a mail was never held: its deletion ends before the hold returns.
        expect(["kept", "gone"]).toContain(fate);
        expect([reach, await home.fate(id)]).toEqual([reach, fate]);
        await home.release(from);
        if (!isReached) break;
        ends.add(fate);
      }
      expect([...ends].sort()).toEqual(["gone", "kept"]);
    });
  });
}

/** What forgetting an address means, and what a run that is killed, or met by a hold, may leave. */
export function forgettingContract(name: string, timeoutMs: number, open: () => Promise<RetentionHome>): void {
  describe(`forgetting on ${name}`, { timeout: timeoutMs }, () => {
    let home: RetentionHome;
    beforeAll(async () => {
      home = await open();
    }, timeoutMs);
    afterAll(() => home?.close(), timeoutMs);

    test("every mail that names the address goes whole, for its other recipients too; nothing else does", async () => {
      const victim = freshAddress("victim");
      const wrote = await home.receive({
        ...{ to: [support, ann], from: victim, subject: "Of the victim", headers: { From: victim } },
      });
      const named = await home.receive({ to: [ann], ...base64(`Ask ${victim.toUpperCase()} about it.`) });
      const other = await home.receive({ to: [support], subject: "Unrelated", body: `Of x.${victim}, somebody else.` });
      expect((await home.traces(victim)).length).toBeGreaterThan(2);
      expect(await home.forget(victim)).toBe(2);
      expect(await at([wrote, named, other], home.fate)).toEqual(["gone", "gone", "kept"]);
      expect(await home.traces(victim)).toEqual([]);
      const subjects = (await home.tickets()).map(({ subject }) => subject);
      expect([subjects.includes("Of the victim"), subjects.includes("Unrelated")]).toEqual([false, true]);
      // Again there is nothing to do.
      expect(await home.forget(victim)).toBe(0);
      await expect(home.hold(wrote)).rejects.toMatchObject({ code: "ERR_HOLD_TOO_LATE" });
    });

    test("a hold on the address, on one of its messages, or on whom one of these names refuses, and nothing is deleted", async () => {
      const [victim, witness] = [freshAddress("victim"), freshAddress("witness")];
      const id = await home.place({ from: victim });
      const both = await home.receive({ to: [ann], from: victim, ...base64(`Ask ${witness} about it.`) });
      const before = await home.traces(victim);
      for (const subject of [victim, id, witness]) {
        await home.hold(subject);
        await expect(home.forget(victim)).rejects.toThrow(/is held since .* by counsel: case 4711/);
        expect(await at([id, both], home.fate)).toEqual(["kept", "kept"]);
        expect((await home.traces(victim)).length).toBe(before.length);
        await home.release(subject);
      }
      expect(await home.forget(victim)).toBe(2);
      expect(await home.traces(victim)).toEqual([]);
    });

    test("killed at any call and run again, it ends with nothing left", async () => {
      const victim = freshAddress("victim");
      const ids = [
        await home.place({ from: victim }),
        await home.receive({ to: [support], from: victim, headers: { From: victim } }),
      ];
      let cuts = 0;
      for (let reach = 1; ; reach += home.stride * 2) {
        let died = false;
        await home
          .during(
            () => home.forget(victim),
            (call) => {
              died ||= call >= reach;
              return call >= reach ? "killed" : undefined;
            },
          )
          .catch(() => undefined);
        if (!died) break;
        cuts += 1;
      }
      expect(cuts).toBeGreaterThan(2);
      expect(await at(ids, home.fate)).toEqual(["gone", "gone"]);
      expect(await home.traces(victim)).toEqual([]);
    });

    test.for([
      "message",
      "address",
      "other address in it",
    ] as const)("a hold on the %s that comes at any call: what is there at its return stays there", async (what) => {
      const ends = new Set<string>();
      for (let reach = 1; ; reach += home.stride * 2) {
        const [victim, witness] = [freshAddress("victim"), freshAddress("witness")];
        const id = await (what === "other address in it"
          ? home.receive({ to: [ann], from: victim, body: `Ask ${witness} about it.` })
          : home.place({ from: victim }));
        const subject = { message: id, address: victim, "other address in it": witness }[what];
        const { isReached, held, fate } = await holdDuring(home, () => home.forget(victim), reach, subject, id);
        if (!held) expect([reach, await home.fate(id)]).toEqual([reach, "gone"]);
        if (held) {
          // Whom a mail names is not known any more when its octets are gone: what was half deleted then goes whole.
          const end = what === "other address in it" && fate === "half" ? "gone" : fate;
          expect([reach, await home.fate(id)]).toEqual([reach, end]);
          if (what === "message") expect([reach, fate]).toEqual([reach, "kept"]);
          await home.release(subject);
        }
        // What a hold ended is gone on with by the same command.
        await home.forget(victim);
        expect([reach, await home.traces(victim)]).toEqual([reach, []]);
        if (!isReached) break;
        ends.add(held && fate === "kept" ? "kept" : "gone");
      }
      expect([...ends].sort()).toEqual(["gone", "kept"]);
    });
  });
}

/** Holds something before one call of a run: its call waits until the hold has returned, or waits for the run itself. */
async function holdDuring(
  home: RetentionHome,
  run: () => Promise<unknown>,
  reach: number,
  subject: string,
  id = subject,
): Promise<{ readonly isReached: boolean; readonly held: boolean; readonly fate: "kept" | "gone" | "half" }> {
  const begin = (onWait: () => void) =>
    home.hold(subject, onWait).then(
      async () => ({ held: true, fate: await home.fate(id) }),
      async (error: unknown) => {
        if (!(error instanceof Error && "code" in error && error.code === "ERR_HOLD_TOO_LATE")) throw error;
        return { held: false, fate: await home.fate(id) };
      },
    );
  let holding: ReturnType<typeof begin> | undefined;
  let isReached = false;
  await home
    .during(run, (call) => {
      if (call < reach || isReached) return undefined;
      isReached = true;
      const { promise: waits, resolve } = Promise.withResolvers<void>();
      holding = begin(resolve);
      return Promise.race([holding.catch(() => undefined), waits]);
    })
    // A hold ends a forgetting with its reason.
    .catch((error: unknown) => {
      if (!(error instanceof Error && /is held since/.test(error.message))) throw error;
    });
  return { isReached, ...(await (holding ?? begin(() => undefined))) };
}
