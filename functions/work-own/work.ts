import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import { StreamUnknownError } from "../../shared/streams/errors.ts";
import type { BatchResponse } from "../batch.ts";
import type { Handler } from "../stack.ts";
import { workBatch } from "../work-batch.ts";

/** Runs the function that the configuration names as a stream's worker, once for each recipient and claim. */
export const work = (ports: Ports, config: ResolvedConfig): Handler<BatchResponse> =>
  workBatch(ports, config, async ({ message, recipient, stream, claim, content }) => {
    if (typeof stream.worker !== "function") {
      const own = config.streams.filter(({ worker }) => typeof worker === "function").map(({ name }) => name);
      throw new StreamUnknownError(stream.name, own);
    }
    const { raw, mail } = content;
    const result = await stream.worker(message, { recipient, claim, raw, mail, ports });
    return {
      state: "done",
      outcome: result?.outcome ?? "done",
      ...(result?.detail !== undefined && { detail: result.detail }),
    };
  });
