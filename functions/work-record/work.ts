import type { ResolvedConfig } from "../../shared/config/types.ts";
import { recordOf } from "../../shared/delivery/record.ts";
import type { Ports } from "../../shared/ports.ts";
import type { BatchResponse } from "../batch.ts";
import type { Handler } from "../stack.ts";
import { workBatch } from "../work-batch.ts";

/** Writes down what bounces, complaints, auto-replies and list mail say. */
export const work = (ports: Ports, config: ResolvedConfig): Handler<BatchResponse> =>
  workBatch(ports, config, async ({ message, recipient, claim, content }) => {
    const record = await recordOf(message, recipient, content);
    await ports.records.record(claim, record);
    return { state: "done", outcome: "recorded", detail: { kind: record.kind } };
  });
