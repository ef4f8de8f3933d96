import { isIPv4, isIPv6 } from "node:net";
import type { DnsRecords, MxRecord } from "./resolver.ts";
import type { ZoneFailure, ZoneNode, ZoneNodes } from "./zone.ts";
import { ZoneFileError } from "./zone-file-error.ts";

const failures: ReadonlySet<unknown> = new Set<ZoneFailure>(["TIMEOUT", "SERVFAIL", "NXDOMAIN"]);
const isFailure = (value: unknown): value is ZoneFailure => failures.has(value);

/**
 * `{ "name": { "TXT": ["…"], "A": ["192.0.2.1"], "AAAA": […], "MX": [{"priority":10,"exchange":"mx.example.com"}],
 * "PTR": […], "CNAME": […] } }`. A name or a type may be `"TIMEOUT"`, `"SERVFAIL"` or `"NXDOMAIN"` instead. A TXT record
 * of several character-strings is a list of strings. Types we never ask for are read over.
 *
 * @throws {ZoneFileError} with every fault found, up to ten
 */
export function parseJsonZone(text: string, from: string): ZoneNodes {
  let zone: unknown;
  try {
    zone = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new ZoneFileError(`${from} is no JSON: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  const faults: string[] = [];
  const nodes: ZoneNodes = new Map();
  if (!isObject(zone)) throw new ZoneFileError(`${from}: the zone must be an object { "name": { "TXT": ["…"] } }`);

  for (const [writtenName, value] of Object.entries(zone)) {
    const name = bareName(writtenName);
    if (isFailure(value)) {
      nodes.set(name, value);
      continue;
    }
    if (!isObject(value)) {
      faults.push(`"${writtenName}" must be { "TXT": ["…"], … } or one of "TIMEOUT", "SERVFAIL", "NXDOMAIN"`);
      continue;
    }
    const earlier = nodes.get(name);
    const node: Exclude<ZoneNode, string> = earlier instanceof Map ? earlier : new Map();
    for (const [type, entries] of Object.entries(value)) {
      const records = isFailure(entries) ? entries : readRecords(type.toUpperCase(), entries);
      if (records instanceof Fault) faults.push(`"${writtenName}" ${type}: ${records.text}`);
      else if (records !== undefined) node.set(type.toUpperCase(), records);
    }
    nodes.set(name, node);
  }
  if (faults.length > 0) {
    const more = faults.length > 10 ? ` (and ${faults.length - 10} more)` : "";
    throw new ZoneFileError(`${from}: ${faults.slice(0, 10).join("; ")}${more}`);
  }
  return nodes;
}

class Fault {
  constructor(text: string) {
    this.text = text;
  }
  readonly text: string;
}

function readRecords(type: string, value: unknown): DnsRecords | Fault | undefined {
  const entries = Array.isArray(value) ? value : [value];
  switch (type) {
    case "TXT": {
      const records: string[][] = [];
      for (const entry of entries) {
        if (typeof entry === "string") records.push([entry]);
        else if (Array.isArray(entry) && entry.every((part) => typeof part === "string")) records.push(entry);
        else return new Fault(`${JSON.stringify(entry)} must be a string, or a list of strings that belong together`);
      }
      return records;
    }
    case "A":
      return addresses(entries, isIPv4, "an IPv4 address");
    case "AAAA":
      return addresses(entries, isIPv6, "an IPv6 address");
    case "MX": {
      const records: MxRecord[] = [];
      for (const entry of entries) {
        const record = readMx(entry);
        if (!record) return new Fault(`${JSON.stringify(entry)} must be {"priority":10,"exchange":"mx.example.com"}`);
        records.push(record);
      }
      return records;
    }
    case "PTR":
    case "CNAME":
    case "NS": {
      const names: string[] = [];
      for (const entry of entries) {
        if (typeof entry !== "string") return new Fault(`${JSON.stringify(entry)} must be a name`);
        names.push(bareName(entry));
      }
      return names;
    }
    default:
      return undefined;
  }
}

function addresses(entries: readonly unknown[], test: (text: string) => boolean, what: string): string[] | Fault {
  const records: string[] = [];
  for (const entry of entries) {
    if (typeof entry !== "string" || !test(entry)) return new Fault(`${JSON.stringify(entry)} must be ${what}`);
    records.push(entry);
  }
  return records;
}

function readMx(entry: unknown): MxRecord | undefined {
  if (typeof entry === "string") {
    const match = /^(\d{1,5})\s+(\S+)$/.exec(entry);
    return match ? { priority: Number(match[1]), exchange: bareName(match[2] ?? "") } : undefined;
  }
  if (!isObject(entry)) return undefined;
  const { priority = 0, exchange } = entry;
  if (typeof exchange !== "string" || typeof priority !== "number" || !Number.isInteger(priority)) return undefined;
  return { priority, exchange: bareName(exchange) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const bareName = (name: string) => name.toLowerCase().replace(/\.$/, "");
