import { openDeliveryWorker } from "../../shared/aws/open-delivery-worker.ts";
import { onAws } from "../on-aws.ts";
import { work } from "./work.ts";

export const handler = onAws(openDeliveryWorker, work);
