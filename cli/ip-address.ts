import { isIP } from "node:net";
import { InvalidArgumentError } from "commander";

/** Reads an option's IP address. */
export function ipAddress(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError("Give an IPv4 or IPv6 address.");
  return text;
}
