import * as z from "zod";

const text = z.string().min(1);

/** An empty name would read the wrong thing or nothing. The type is `SecretSource` (types.ts). */
export const secretSource = z.union([
  z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is no name of an environment variable") }),
  z.strictObject({ file: text }),
  z.strictObject({ secretsManager: text }),
  z.strictObject({ parameter: text }),
]);

export const secretSources: readonly string[] = ["env", "file", "secretsManager", "parameter"];
