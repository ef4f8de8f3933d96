import { isIP } from "node:net";
import { validateCidr } from "../receipt/ip-filter.ts";
import type { SinkFault } from "./sink.ts";

/** Whether a target's address may be called: https, or http to private addresses that are allowed by name. */
export function checkTarget({
  url,
  allowPrivate,
}: {
  readonly url: string;
  readonly allowPrivate?: readonly string[];
}): readonly SinkFault[] {
  const faults: SinkFault[] = [];
  const parsed = URL.parse(url);
  const plain = parsed?.protocol === "http:" && allowPrivate !== undefined;
  if (!parsed || !(parsed.protocol === "https:" || plain) || parsed.username !== "" || parsed.password !== "") {
    faults.push({
      path: ["url"],
      problem: `"${url}" cannot be called`,
      allowed: "an https URL without user and password; http only to a private address in allowPrivate",
    });
  }
  for (const [index, block] of (allowPrivate ?? []).entries()) {
    if (isIP(block) !== 0 || validateCidr(block) === undefined) continue;
    faults.push({
      path: ["allowPrivate", index],
      problem: `"${block}" is no IP address or block`,
      allowed: "for example 127.0.0.1, 10.0.0.0/8, fd00::/8",
    });
  }
  return faults;
}
