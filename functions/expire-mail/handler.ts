import { onAws } from "../on-aws.ts";
import { openExpiry } from "./open-ports.ts";
import { work } from "./work.ts";

export const handler = onAws(openExpiry, work);
