import type { MailConfig } from "./types.ts";

// What stands in a list or under a name for an entry that cannot be read: nothing can be said against it, and the places
// and names of the others stay what they are.
const neutral = {
  streams: { worker: "record" },
  rejects: { recipients: [], template: "unknown-failure" },
  ipFilters: { allow: "192.0.2.1" },
} as const;

/**
 * The configuration without what `checkShape` found unsound, so that the rest can be checked all the same. For finding
 * faults only: nothing may be started from it.
 *
 * @param unsound - paths of the faults in the shape
 * @returns `undefined` when nothing can be checked without knowing the domains
 */
export function soundPart(input: unknown, unsound: readonly (readonly PropertyKey[])[]): MailConfig | undefined {
  if (typeof input !== "object" || input === null) return undefined;
  const config: Record<string, unknown> = { ...input };
  for (const [section, entry] of unsound) {
    if (section === undefined || section === "domains") return undefined;
    const name = String(section);
    if (name in neutral && entry !== undefined) {
      config[name] = replaced(config[name], entry, neutral[name as keyof typeof neutral]);
    } else if (name === "local" && entry !== undefined) {
      config[name] = without(config[name], entry);
    } else delete config[name];
  }
  // What is left has passed the schema.
  return config as unknown as MailConfig;
}

function replaced(of: unknown, key: PropertyKey, by: unknown): unknown {
  if (Array.isArray(of)) return of.map((value: unknown, index) => (index === key ? by : value));
  return typeof of === "object" ? { ...of, [key]: by } : of;
}

function without(of: unknown, key: PropertyKey): unknown {
  return Object.fromEntries(Object.entries(of ?? {}).filter(([name]) => name !== String(key)));
}
