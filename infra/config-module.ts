import type { ResolvedConfig } from "../shared/config/types.ts";
import { BuildError } from "./build-error.ts";

/** Stands for the account in the configuration that is built: its number is known when the function runs. */
export const accountPlaceholder = "{mailweir-account}";

/**
 * The text of the module that `#deployed-config` becomes in a bundle: the configuration as it was checked and completed at build
 * time, so that no function carries what checks it. Functions in it (`match`, own workers) are those of the file that was
 * written, found by their place in it.
 *
 * @param config - resolved for the stage, with `accountPlaceholder` for its account
 * @param raw - what the file exports
 * @throws {BuildError} for a value that is neither data nor a function of the file
 */
export function configModule(config: ResolvedConfig, raw: unknown, stage: string): string {
  const places = functionPlaces(raw);
  let hasFunctions = false;
  let hasWorkers = false;
  const literal = (value: unknown, path: readonly string[]): string => {
    if (value === undefined) return "undefined";
    if (typeof value === "string") {
      return value
        .split(accountPlaceholder)
        .map((part) => JSON.stringify(part))
        .join("+accountId+");
    }
    if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
    if (typeof value === "function") {
      const place = places.get(value);
      if (place === undefined) {
        throw new BuildError(
          `${path.join(".")}: a function that the configuration file does not hold itself cannot be deployed; write it where it is used`,
        );
      }
      // A worker answers a promise: its file, and all that it imports, is loaded where it works, and nowhere else.
      if (path.length === 3 && path[0] === "streams" && path[2] === "worker") {
        hasWorkers = true;
        return `later(${JSON.stringify(place)})`;
      }
      hasFunctions = true;
      return `own(raw, ${JSON.stringify(place)})`;
    }
    if (value instanceof RegExp) return `new RegExp(${JSON.stringify(value.source)},${JSON.stringify(value.flags)})`;
    if (Array.isArray(value)) return `[${value.map((one, index) => literal(one, [...path, String(index)])).join(",")}]`;
    const prototype: unknown = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
    if (typeof value !== "object" || (prototype !== Object.prototype && prototype !== null)) {
      throw new BuildError(`${path.join(".")}: only plain data and functions can be deployed`);
    }
    const members = Object.entries(value).map(
      // In brackets even __proto__ is a member like others.
      ([name, member]) => `[${JSON.stringify(name)}]:${literal(member, [...path, name])}`,
    );
    return `{${members.join(",")}}`;
  };
  // Names are functions of ours: they are made anew, from what they depend on.
  const { names: _names, ...data } = config;
  const text = literal(data, []);
  return `${hasFunctions ? `import raw from "#mail-config";` : ""}
import { resourceNames, stagePrefix } from "#resource-names";
export const stage = ${JSON.stringify(stage)};
export function configFor(accountId) {
  const config = ${text};
  return { ...config, names: resourceNames(stagePrefix(stage), config.region, accountId, config.aws) };
}
${hasWorkers ? laterFunction : ""}${hasFunctions || hasWorkers ? ownFunction : ""}`;
}

const laterFunction = `
const later = (path) => async (...given) => own((await import("#mail-config")).default, path)(...given);`;
const ownFunction = `
function own(raw, path) {
  let value = raw;
  for (const name of path) value = value?.[name];
  if (typeof value !== "function") {
    throw new TypeError("mailweir.config.ts: " + path.join(".") + " was a function when this was built: it must not depend on the environment");
  }
  return value;
}`;

function functionPlaces(raw: unknown): ReadonlyMap<unknown, readonly string[]> {
  const places = new Map<unknown, readonly string[]>();
  const seen = new Set<unknown>();
  const visit = (value: unknown, path: readonly string[]) => {
    if (typeof value === "function" && !places.has(value)) places.set(value, path);
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    for (const [name, member] of Object.entries(value)) visit(member, [...path, name]);
  };
  visit(raw, []);
  return places;
}
