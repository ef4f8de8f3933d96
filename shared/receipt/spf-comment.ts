import type { SpfResult } from "./authentication.ts";

/**
 * The comment of Received-SPF and Authentication-Results, in the words of the SPF library that SES uses (ses-receiving.md
 * §4.3), without the `spfCheck: ` in front.
 */
export function spfComment(result: SpfResult, domain: string, ip: string): string {
  switch (result) {
    case "pass":
      return `domain of ${domain} designates ${ip} as permitted sender`;
    case "fail":
      return `domain of ${domain} does not designate ${ip} as permitted sender`;
    case "softfail":
      return `transitioning domain of ${domain} does not designate ${ip} as permitted sender`;
    case "neutral":
    case "none":
      return `${ip} is neither permitted nor denied by domain of ${domain}`;
    case "permerror":
      return "Error in processing SPF Record";
    case "temperror":
      return "Error in retrieving data from DNS";
  }
}
