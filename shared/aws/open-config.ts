// The user's configuration is compiled into each bundle, so that functions in it (match, own workers) go along: the name
// stands for mailweir.config.ts (package.json "imports"), and the build sets it to the file that is deployed.
import mailConfig from "#mail-config";
import { resolveConfig } from "../config/resolve-config.ts";
import type { ResolvedConfig } from "../config/types.ts";
import { type Environment, EnvironmentError } from "./environment.ts";

/**
 * The configuration of this deployment, with its names.
 *
 * @throws {ConfigError} never in a bundle that `deploy` has checked
 * @throws {EnvironmentError} when the function runs in another region than the one it was built for
 */
export function openConfig({ stage, region, accountId, configVersion }: Environment): ResolvedConfig {
  const config = resolveConfig(mailConfig, { stage, accountId });
  if (config.region !== region) {
    throw new EnvironmentError([`AWS_REGION is ${region}, but the configuration was built for ${config.region}`]);
  }
  // Functions count by their text, which the bundler has changed: the version is that of the file, as the engine and the
  // command line know it.
  return configVersion === undefined ? config : { ...config, version: configVersion };
}
