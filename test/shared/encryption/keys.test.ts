import { keysContract } from "../../contract/keys.ts";
import { createMemoryKeys } from "./memory-keys.ts";

const keyArn = "arn:aws:kms:us-east-1:111122223333:key/0000aaaa-11bb-22cc-33dd-444444eeeeee";
const missingKeyArn = "arn:aws:kms:us-east-1:111122223333:key/ffffffff-11bb-22cc-33dd-444444eeeeee";

keysContract("the test double", async () => ({ keys: createMemoryKeys(keyArn), keyArn, missingKeyArn }));
