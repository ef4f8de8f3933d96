import { openGate } from "../../shared/aws/open-gate.ts";
import { onAws } from "../on-aws.ts";
import { work } from "./work.ts";

export const handler = onAws(openGate, work);
