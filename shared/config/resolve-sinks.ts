import { kindOf, type SinkConfig } from "../sinks/kinds.ts";
import { place } from "./check-shape.ts";
import type { ConfigFault } from "./config-error.ts";
import { checkSource } from "./resolve-delivery.ts";

/** Checks `tickets.sinks`; on AWS secrets must be where a function can read them, otherwise where this machine can. */
export function checkSinks(sinks: Readonly<Record<string, SinkConfig>>, onAws: boolean, faults: ConfigFault[]): void {
  for (const [name, settings] of Object.entries(sinks)) {
    const at = ["tickets", "sinks", name];
    if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(name)) {
      faults.push({
        at: place(at),
        problem: `"${name}" cannot be a sink's name`,
        allowed: "lower-case letters, digits and hyphens, at most 40",
      });
    }
    const kind = kindOf(settings);
    for (const { path, ...fault } of kind.check(settings)) faults.push({ at: place([...at, ...path]), ...fault });
    for (const source of kind.secrets(settings)) {
      const setting = Object.entries(settings).find(([, value]) => value === source)?.[0] ?? "";
      checkSource(source, [...at, setting], onAws, faults);
    }
  }
}
