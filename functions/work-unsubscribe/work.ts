import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import { unsubscribe } from "../../shared/unsubscribe/unsubscribe.ts";
import type { BatchResponse } from "../batch.ts";
import type { Handler } from "../stack.ts";
import { workBatch } from "../work-batch.ts";

/** Suppresses whoever asks to be left alone, if it is the person who asks. */
export const work = (ports: Ports, config: ResolvedConfig): Handler<BatchResponse> =>
  workBatch(ports, config, ({ message, recipient, claim, content }) =>
    unsubscribe(ports, config, { message, recipient, claim, content }),
  );
