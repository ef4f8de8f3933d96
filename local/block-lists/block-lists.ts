import type { BlockListConfig } from "../../shared/config/types.ts";
import type { Log } from "../log.ts";
import { createDnsList, type DnsListParts } from "./dns-list.ts";
import { openFileList } from "./file-list.ts";

/**
 * The lists beside the IP filters: files first, as they cost nothing, then all DNS zones at once. Answers which list names
 * the client, for the operator; the client hears SES's text only.
 *
 * @throws {BlockListFileError}
 */
export async function openBlockLists(
  { files, dns }: BlockListConfig,
  parts: Omit<DnsListParts, "log"> & { readonly log: Pick<Log, "info" | "warn" | "error"> },
): Promise<(ip: string) => Promise<string | undefined>> {
  const fileLists = await Promise.all(files.map((file) => openFileList(file, parts.clock, parts.log)));
  const dnsLists = dns.map((list) => createDnsList(list, parts));
  return async (ip) => {
    for (const list of fileLists) {
      const found = await list.find(ip);
      if (found !== undefined) return found;
    }
    const answers = await Promise.all(dnsLists.map((list) => list.find(ip)));
    return answers.find((answer) => answer !== undefined);
  };
}
