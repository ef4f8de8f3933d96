import { type Environment, readEnvironment } from "../shared/aws/environment.ts";
import { openConfig } from "../shared/aws/open-config.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";
import { type Handler, withStack } from "./stack.ts";

/**
 * What a function is on Lambda: its work, on AWS's ports, in the stack. Runs once for each execution environment; what is
 * missing or wrong ends the start, and names itself in the log.
 */
export function onAws<Ports, Result>(
  open: (environment: Environment, config: ResolvedConfig) => Ports,
  work: (ports: Ports, config: ResolvedConfig) => Handler<Result>,
): Handler<Result> {
  const environment = readEnvironment(process.env);
  const config = openConfig(environment);
  return withStack(work(open(environment, config), config));
}
