import { openWorker } from "../../shared/aws/open-worker.ts";
import { onAws } from "../on-aws.ts";
import { work } from "./work.ts";

export const handler = onAws(openWorker, work);
