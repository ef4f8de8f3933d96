// What `#deployed-config` means where nothing is bundled (package.json "imports"): the configuration is checked when it is asked for.
// In a bundle it is what infra/config-module.ts writes: the same, checked when it was built.
import mailConfig from "#mail-config";
import { resolveConfig } from "../config/resolve-config.ts";
import type { ResolvedConfig } from "../config/types.ts";

/** The stage that the bundle was built for; here it is made for whoever asks. */
export const stage: string | undefined = undefined;

export function configFor(accountId: string, asked: string): ResolvedConfig {
  return resolveConfig(mailConfig, { stage: asked, accountId });
}
