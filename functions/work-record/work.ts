import type { ResolvedConfig } from "../../shared/config/types.ts";
import { recordReport } from "../../shared/delivery/record-report.ts";
import type { Ports } from "../../shared/ports.ts";
import type { BatchResponse } from "../batch.ts";
import type { Handler } from "../stack.ts";
import { workBatch } from "../work-batch.ts";

/** Writes down what bounces, complaints, auto-replies and list mail say; the first two may suppress. */
export const work = (ports: Ports, config: ResolvedConfig): Handler<BatchResponse> =>
  workBatch(ports, config, async (job) => ({
    state: "done",
    outcome: "recorded",
    detail: await recordReport(ports, config, job),
  }));
