import { openJournal } from "../../shared/aws/open-journal.ts";
import { onAws } from "../on-aws.ts";
import { work } from "./work.ts";

export const handler = onAws(openJournal, work);
