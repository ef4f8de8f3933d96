import { withStack } from "../stack.ts";
import { openActivationPorts } from "./open-ports.ts";
import { work } from "./work.ts";

export const handler = withStack(work(openActivationPorts()));
