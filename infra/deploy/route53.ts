import {
  type Change,
  ChangeResourceRecordSetsCommand,
  ListHostedZonesByNameCommand,
  ListResourceRecordSetsCommand,
  Route53Client,
} from "@aws-sdk/client-route-53";
import type { RecordState, WantedRecord } from "./dns-records.ts";
import type { Session } from "./session.ts";

export interface CreatedRecord {
  readonly record: WantedRecord;
  readonly outcome: "created" | "kept" | "no-zone";
  /** For people: in which zone, or why not. */
  readonly says: string;
}

const ttlSeconds = 3_600;

/**
 * Creates the records that are missing in the hosted zones of this account. What is there stays: a record that says
 * something else is somebody's decision, such as where mail goes today.
 */
export async function createRecords(
  { clientConfig }: Pick<Session, "clientConfig">,
  wanted: readonly { readonly record: WantedRecord; readonly state: RecordState }[],
): Promise<readonly CreatedRecord[]> {
  const client = new Route53Client(clientConfig);
  const zones = new Map<string, Promise<HostedZone | undefined>>();
  const zoneOf = (name: string) => {
    const found = zones.get(name) ?? findZone(client, name);
    zones.set(name, found);
    return found;
  };
  try {
    const created: CreatedRecord[] = [];
    // One after the other: two records of one name and type are one record set.
    for (const { record, state } of wanted) {
      if (state.kind === "right" || state.kind === "different") {
        created.push({ record, outcome: "kept", says: state.kind === "right" ? "is there" : state.advice });
        continue;
      }
      const zone = await zoneOf(record.name);
      if (!zone) {
        created.push({ record, outcome: "no-zone", says: "no public hosted zone of this account holds it" });
        continue;
      }
      created.push(await createRecord(client, zone, record));
    }
    return created;
  } finally {
    client.destroy();
  }
}

interface HostedZone {
  readonly id: string;
  readonly name: string;
}

async function findZone(client: Route53Client, name: string): Promise<HostedZone | undefined> {
  const labels = name.split(".");
  // The longest name wins: example.com may have a zone of its own for mail.example.com.
  for (let at = 0; at < labels.length - 1; at++) {
    const zone = labels.slice(at).join(".");
    const { HostedZones = [] } = await client.send(new ListHostedZonesByNameCommand({ DNSName: zone, MaxItems: 10 }));
    const found = HostedZones.find(({ Name, Config }) => Name === `${zone}.` && !Config?.PrivateZone);
    if (found?.Id !== undefined) return { id: found.Id.replace(/^\/hostedzone\//, ""), name: zone };
  }
  return undefined;
}

async function createRecord(client: Route53Client, zone: HostedZone, record: WantedRecord): Promise<CreatedRecord> {
  const Name = `${record.name}.`;
  const value = record.type === "TXT" ? `"${record.value}"` : record.value;
  const { ResourceRecordSets = [] } = await client.send(
    new ListResourceRecordSetsCommand({
      HostedZoneId: zone.id,
      StartRecordName: Name,
      StartRecordType: record.type,
      MaxItems: 1,
    }),
  );
  const there = ResourceRecordSets.find((set) => set.Name === Name && set.Type === record.type);
  const values = (there?.ResourceRecords ?? []).flatMap(({ Value }) => Value ?? []);
  if (there && record.type !== "TXT") {
    return {
      record,
      outcome: "kept",
      says: `the zone ${zone.name} says ${values.join(", ")}, which DNS does not show yet`,
    };
  }
  if (values.includes(value)) return { record, outcome: "kept", says: `it is in the zone ${zone.name} already` };
  const change: Change = {
    // A name has one set of texts: the new one joins those that are there.
    Action: there ? "UPSERT" : "CREATE",
    ResourceRecordSet: {
      Name,
      Type: record.type,
      TTL: there?.TTL ?? ttlSeconds,
      ResourceRecords: [...values, value].map((Value) => ({ Value })),
    },
  };
  await client.send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: zone.id,
      ChangeBatch: { Changes: [change], Comment: "mailweir dns" },
    }),
  );
  return { record, outcome: "created", says: `in the zone ${zone.name}` };
}
