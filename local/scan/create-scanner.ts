import type { SpamScannerConfig, VirusScannerConfig } from "../../shared/config/types.ts";
import { clamdScanner } from "./clamd-scanner.ts";
import { rspamdScanner } from "./rspamd-scanner.ts";
import type { Scanner } from "./scanner.ts";
import { spamdScanner } from "./spamd-scanner.ts";
import { testStringScanner } from "./test-string-scanner.ts";

/** The scanner that `local.scanners` asks for: one verdict for spam, one for viruses. */
export function createScanner(config: {
  readonly spam: SpamScannerConfig;
  readonly virus: VirusScannerConfig;
}): Scanner {
  if (config.spam.type === "test-string" && config.virus.type === "test-string") return testStringScanner();
  return combineScanners([spamScanner(config.spam), virusScanner(config.virus)]);
}

/** Asks all at once and joins their verdicts; where two give the same one, the first in the list counts. */
export function combineScanners(scanners: readonly Scanner[]): Scanner {
  return {
    async scan(raw, context, signal) {
      const results = await Promise.all(scanners.map((scanner) => scanner.scan(raw, context, signal)));
      const spam = results.find((result) => result.spam !== undefined)?.spam;
      const virus = results.find((result) => result.virus !== undefined)?.virus;
      return {
        ...(spam !== undefined && { spam }),
        ...(virus !== undefined && { virus }),
        detail: results.map(({ detail }) => detail).join("; "),
      };
    },
  };
}

function spamScanner(config: SpamScannerConfig): Scanner {
  switch (config.type) {
    case "test-string":
      return testStringScanner({ virus: false });
    case "spamd":
      return spamdScanner(config);
    case "rspamd":
      return rspamdScanner(config);
  }
}

function virusScanner(config: VirusScannerConfig): Scanner {
  switch (config.type) {
    case "test-string":
      return testStringScanner({ spam: false });
    case "clamd":
      return clamdScanner(config);
  }
}
