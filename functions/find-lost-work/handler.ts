import { openLostWork } from "../../shared/aws/open-lost-work.ts";
import { onAws } from "../on-aws.ts";
import { work } from "./work.ts";

export const handler = onAws(openLostWork, work);
