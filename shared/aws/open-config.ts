// Decided when the bundle was built: the name stands for deployed-config.ts beside this, and infra/build.ts puts the finished
// configuration in its place.
import { stage as builtFor, configFor } from "#deployed-config";
import type { ResolvedConfig } from "../config/types.ts";
import { type Environment, EnvironmentError } from "./environment.ts";

/**
 * The configuration of this deployment, with its names.
 *
 * @throws {EnvironmentError} when the function runs in another region, or under another stage, than it was built for
 */
export function openConfig({ stage, region, accountId, configVersion }: Environment): ResolvedConfig {
  const config = configFor(accountId, stage);
  if (config.region !== region) {
    throw new EnvironmentError([`AWS_REGION is ${region}, but the configuration was built for ${config.region}`]);
  }
  if (builtFor !== undefined && builtFor !== stage) {
    throw new EnvironmentError([`MAILWEIR_STAGE is ${stage}, but the configuration was built for ${builtFor}`]);
  }
  // The engine and the command line know the configuration by the version of its file; who deployed it says which.
  return configVersion === undefined ? config : { ...config, version: configVersion };
}
