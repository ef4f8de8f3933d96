import { openRouter } from "../../shared/aws/open-router.ts";
import { onAws } from "../on-aws.ts";
import { work } from "./work.ts";

export const handler = onAws(openRouter, work);
