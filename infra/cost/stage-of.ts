import { alarmsOf } from "../alarms.ts";
import type { Deployment } from "../deployment.ts";
import type { Stage } from "./estimate.ts";

/** What a deployment consists of, as far as it costs something by itself or bounds what goes through it. */
export function stageOf(deployment: Deployment): Stage {
  return {
    queues: deployment.topology.queues.filter(({ consumer }) => consumer).length,
    alarms: alarmsOf(deployment).length,
    memoryMb: Object.fromEntries(deployment.functions.map(({ name, memoryMb }) => [name, memoryMb])),
    workerConcurrency: deployment.config.aws.workerConcurrency,
  };
}
