import { openWorker } from "../../shared/aws/open-worker.ts";
import { onAws } from "../on-aws.ts";
import { work } from "./work.ts";

/** Behind a function URL with `AuthType: NONE`: who presses the button has no credentials but the link. */
export const handler = onAws(openWorker, work);
