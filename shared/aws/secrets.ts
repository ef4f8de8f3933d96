import type { ResolvedConfig, SecretSource } from "../config/types.ts";
import type { Clock, Secrets } from "../ports.ts";
import type { KeyRing } from "../tokens/key-ring.ts";
import { readKeyRing, SecretError } from "../tokens/read-key-ring.ts";
import { call, errorName } from "./call.ts";
import type { Connection } from "./connection.ts";

// A rotated key is in use everywhere a few minutes later; a function that lives for days asks a few hundred times.
const keepMs = 5 * 60_000;

/** Secrets in Secrets Manager and Parameter Store, read at the first use and kept for five minutes. */
export function openSecrets(
  connection: Connection,
  config: Pick<ResolvedConfig, "tokens" | "names">,
  clock: Clock,
): Secrets {
  const kept = new Map<string, { readonly until: number; readonly value: Promise<string> }>();
  const read = (source: SecretSource): Promise<string> => {
    const name = JSON.stringify(source);
    const now = clock.now().getTime();
    const known = kept.get(name);
    if (known && known.until > now) return known.value;
    const value = readSource(connection, source);
    kept.set(name, { until: now + keepMs, value });
    // What could not be read may be there the next time.
    value.catch(() => kept.delete(name));
    return value;
  };
  return {
    read,
    keyRing: (): Promise<KeyRing> =>
      readKeyRing(config, read, () => read({ secretsManager: config.names.tokenSecret })),
  };
}

/** Each client is loaded only where a secret lies there. */
async function readSource(connection: Connection, source: SecretSource): Promise<string> {
  if ("secretsManager" in source) {
    const { readSecret } = await import("./secrets-manager.ts");
    return found(source.secretsManager, () => readSecret(connection, source.secretsManager));
  }
  if ("parameter" in source) {
    const { readParameter } = await import("./parameter-store.ts");
    return found(source.parameter, () => readParameter(connection, source.parameter));
  }
  throw new SecretError(
    "The configuration takes a secret from this machine, which no function on AWS has: use { secretsManager } or { parameter }",
  );
}

const missing = ["ResourceNotFoundException", "InvalidRequestException", "ParameterNotFound"];

async function found(name: string, run: () => Promise<string>): Promise<string> {
  try {
    const value = await call(`Reading secret ${name}`, run, missing);
    if (value.trim() !== "") return value;
  } catch (cause) {
    if (!missing.includes(errorName(cause))) throw cause;
    throw new SecretError(`There is no secret "${name}": make it in the region of the functions`, { cause });
  }
  throw new SecretError(`The secret "${name}" is empty: put a secret of at least 16 characters in it`);
}
