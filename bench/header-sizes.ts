// Share of mails whose headers exceed what SES puts into a notice (10 KB) and a Lambda event (50 KB), its own block added.
// Usage: node bench/header-sizes.ts [folder, default ../shared/corpus]
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseHeaderSection } from "../shared/mail/headers.ts";

// Return-Path, Received, verdicts, Received-SPF, Authentication-Results, X-SES-RECEIPT (about 420 octets of base64) and
// X-SES-DKIM-SIGNATURE (ses-receiving.md §4.3), with names of usual length.
const sesBlockBytes = 1_800;

/** Header sizes of every mail below the folder, SES's block added, in octets, ascending. */
export function headerSizes(folder: string): number[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => path.endsWith(".eml"))
    .map((path) =>
      parseHeaderSection(readFileSync(path)).headers.reduce(
        (sum, { name, value }) => sum + Buffer.byteLength(name) + Buffer.byteLength(value) + 4,
        sesBlockBytes,
      ),
    )
    .sort((a, b) => a - b);
}

export function describeSizes(sizes: readonly number[]): string {
  const share = (limit: number) => {
    const over = sizes.filter((size) => size > limit).length;
    return `${over} of ${sizes.length} (${((100 * over) / sizes.length).toFixed(1)} %)`;
  };
  return `over 10 KB: ${share(10_240)}; over 50 KB: ${share(51_200)}; median ${sizes[sizes.length >> 1]}, largest ${sizes.at(-1)} octets`;
}

if (import.meta.main) console.log(describeSizes(headerSizes(process.argv[2] ?? "../shared/corpus")));
