import { openWorker } from "../../shared/aws/open-worker.ts";
import { handingOver } from "../hand-over-leftovers.ts";
import { onAws } from "../on-aws.ts";
import { work } from "./work.ts";

export const handler = onAws(openWorker, (ports, config) => handingOver(ports, work(ports, config)));
