import { forgettingContract, retentionContract } from "../../contract/retention.ts";
import { openRetentionHome } from "./retention-home.ts";

retentionContract("one machine", 300_000, openRetentionHome);
forgettingContract("one machine", 300_000, openRetentionHome);
