import type { BeginResult, Clock, PropagationRecord, Propagations } from "../ports.ts";
import type { SesMessageId } from "../ses-message-id.ts";
import { type Dynamo, type Item, json, jsonOf, type Key, number, numberOf, text, textOf } from "./dynamo.ts";

/**
 * How far every change is on its way to every target: `pr#<change>` / target, and where a mail caused it an item beside
 * that mail's own that leads there.
 */
export function createPropagations(
  dynamo: Dynamo,
  { table, clock, keepDays }: { readonly table: string; readonly clock: Clock; readonly keepDays: number },
): Propagations {
  const read = async (key: Key) => {
    const item = await dynamo.get(table, key);
    return item && { record: jsonOf<PropagationRecord>(item, "j"), version: numberOf(item, "v") };
  };
  const itemOf = (record: PropagationRecord, version: number): Item => {
    const { pk, sk } = keyOf(record);
    const ttl = number(Math.ceil(clock.now().getTime() / 1000) + keepDays * 86_400);
    return { pk: text(pk), sk: text(sk), j: json(record), v: number(version), ttl };
  };
  /** False when somebody else wrote meanwhile. */
  const write = async (record: PropagationRecord, version: number): Promise<boolean> => {
    const item = itemOf(record, version + 1);
    if (version > 0) {
      const { kind } = await dynamo.put(table, item, { condition: "#v = :v", values: { ":v": number(version) } });
      return kind === "written";
    }
    const { sesMessageId } = record;
    const { kind } = await dynamo.transact([
      { kind: "put", table, item, condition: "attribute_not_exists(pk)" },
      ...(sesMessageId === undefined
        ? []
        : [
            {
              kind: "put" as const,
              table,
              item: {
                pk: text(sesMessageId),
                sk: text(`pr#${record.change}#${record.target}`),
                ch: text(record.change),
                ta: text(record.target),
                ...(item["ttl"] && { ttl: item["ttl"] }),
              },
            },
          ]),
    ]);
    return kind === "written";
  };
  const now = () => clock.now().toISOString();

  return {
    async begin({ change, target, sesMessageId }, leaseMs): Promise<BeginResult> {
      for (;;) {
        const known = await read(keyOf({ change, target }));
        const record = known?.record;
        if (record?.state === "done" || record?.state === "stopped") return { kind: "ended" };
        const at = clock.now().getTime();
        if (record?.state === "waiting") {
          const { dueAt, updatedAt } = record;
          if (dueAt === undefined && Date.parse(updatedAt) + leaseMs > at) return { kind: "busy" };
          if (dueAt !== undefined && Date.parse(dueAt) > at) return { kind: "early", dueAt };
        }
        const attempt = (record?.attempts ?? 0) + 1;
        const of = record?.sesMessageId ?? sesMessageId;
        const begun: PropagationRecord = {
          change,
          target,
          ...(of !== undefined && { sesMessageId: of }),
          state: "waiting",
          attempts: attempt,
          ...(record?.cause !== undefined && { cause: record.cause }),
          updatedAt: now(),
        };
        if (await write(begun, known?.version ?? 0)) return { kind: "begun", attempt };
      }
    },
    async note({ change, target, attempt, state, cause, dueAt }) {
      const known = await read(keyOf({ change, target }));
      if (known?.record === undefined) return false;
      const { cause: _cause, dueAt: _dueAt, ...record } = known.record;
      if (record.attempts !== attempt || record.state !== "waiting") return false;
      const noted: PropagationRecord = {
        ...record,
        state,
        ...(cause !== undefined && { cause }),
        ...(dueAt !== undefined && { dueAt }),
        updatedAt: now(),
      };
      return write(noted, known.version);
    },
    async of(sesMessageId: SesMessageId) {
      const pointers = await dynamo.query(table, {
        where: "#pk = :pk AND begins_with(#sk, :pr)",
        values: { ":pk": text(sesMessageId), ":pr": text("pr#") },
      });
      const items = await dynamo.batchGet(
        table,
        pointers.map((item) => keyOf({ change: textOf(item, "ch") ?? "", target: textOf(item, "ta") ?? "" })),
      );
      const records = items.flatMap((item) => jsonOf<PropagationRecord>(item, "j") ?? []);
      return records.sort((a, b) => (`${a.change} ${a.target}` < `${b.change} ${b.target}` ? -1 : 1));
    },
    get: async (change, target) => (await read(keyOf({ change, target })))?.record,
  };
}

const keyOf = ({ change, target }: Pick<PropagationRecord, "change" | "target">): Key => ({
  pk: `pr#${change}`,
  sk: target,
});
