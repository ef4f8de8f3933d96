import { existsSync, readFileSync } from "node:fs";
import { parseBindZone } from "./bind-zone.ts";
import { DnsError } from "./dns-error.ts";
import { parseJsonZone } from "./json-zone.ts";
import type { DnsRecords } from "./resolver.ts";
import { ZoneFileError } from "./zone-file-error.ts";

/** What a name server says instead of records. */
export type ZoneFailure = "TIMEOUT" | "SERVFAIL" | "NXDOMAIN";

/** Records by type, or the failure that stands in for a type; or the failure that stands in for the whole name. */
export type ZoneNode = ZoneFailure | Map<string, ZoneFailure | DnsRecords>;

/** Names in lower case without the final dot; `*.example.com` is a wildcard (RFC 4592). */
export type ZoneNodes = Map<string, ZoneNode>;

/** Everything the DNS is to know, when there is to be no network. */
export interface Zone {
  /** @throws {DnsError} as a name server would answer: `ENOTFOUND`, `ENODATA`, `ESERVFAIL`, `ETIMEOUT` */
  lookup(name: string, type: string): DnsRecords;
  readonly names: number;
}

/**
 * Reads a zone: JSON (`{ "name": { "TXT": ["…"], "A": […], … } }`) when it begins with `{`, else a BIND zone file.
 *
 * @param pathOrText - the path of a file, or the text itself (it has a line break or begins with `{`)
 * @throws {ZoneFileError} that names the line or the name, and what is allowed there
 */
export function loadZone(pathOrText: string): Zone {
  const isText = /^\s*\{/.test(pathOrText) || pathOrText.includes("\n");
  const text = isText ? pathOrText : readZoneFile(pathOrText);
  const from = isText ? "zone" : pathOrText;
  return zoneOf(/^\uFEFF?\s*\{/.test(text) ? parseJsonZone(text, from) : parseBindZone(text, from));
}

/** A zone of the nodes given. */
export function zoneOf(nodes: ZoneNodes): Zone {
  // RFC 8020: a name exists when something below it does, though it has no records of its own.
  const ancestors = new Set<string>();
  for (const name of nodes.keys()) {
    for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) ancestors.add(name.slice(dot + 1));
  }

  const nodeAt = (name: string): ZoneNode | undefined => {
    const own = nodes.get(name);
    if (own !== undefined) return own;
    if (ancestors.has(name)) return new Map();
    // RFC 4592 §2.2.1: only the wildcard right below the closest name that exists answers.
    for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) {
      const parent = name.slice(dot + 1);
      const wildcard = nodes.get(`*.${parent}`);
      if (wildcard !== undefined) return wildcard;
      if (nodes.has(parent) || ancestors.has(parent)) return undefined;
    }
    return undefined;
  };

  return {
    names: nodes.size,
    lookup(question, questionType) {
      const type = questionType.toUpperCase();
      let name = question.toLowerCase().replace(/\.$/, "");
      for (let hops = 0; hops <= maxCnames; hops += 1) {
        const node = nodeAt(name);
        if (node === undefined || node === "NXDOMAIN") throw new DnsError("ENOTFOUND", `no name ${name} in the zone`);
        if (typeof node === "string") throw failure(node, name, type);
        const records = node.get(type);
        if (typeof records === "string") throw failure(records, name, type);
        if (records !== undefined && records.length > 0) return records;
        const alias = type === "CNAME" ? undefined : node.get("CNAME");
        if (typeof alias === "string") throw failure(alias, name, "CNAME");
        const target = alias?.[0];
        if (typeof target !== "string") throw new DnsError("ENODATA", `no ${type} at ${name} in the zone`);
        name = target;
      }
      throw new DnsError("ESERVFAIL", `more than ${maxCnames} CNAMEs behind ${question}`);
    },
  };
}

const maxCnames = 8;

function failure(kind: ZoneFailure, name: string, type: string): DnsError {
  const at = `${type} ${name}: the zone says ${kind}`;
  switch (kind) {
    case "TIMEOUT":
      return new DnsError("ETIMEOUT", at);
    case "SERVFAIL":
      return new DnsError("ESERVFAIL", at);
    case "NXDOMAIN":
      return new DnsError("ENOTFOUND", at);
  }
}

function readZoneFile(path: string): string {
  if (!existsSync(path))
    throw new ZoneFileError(`There is no zone file "${path}": check the path (local.dns.zone, or --zone)`);
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ZoneFileError(
      `The zone file "${path}" cannot be read: ${error instanceof Error ? error.message : error}`,
      {
        cause: error,
      },
    );
  }
}
