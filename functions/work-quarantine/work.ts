import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import { intendedStream } from "../../shared/streams/decide.ts";
import type { BatchResponse } from "../batch.ts";
import type { Handler } from "../stack.ts";
import { workBatch } from "../work-batch.ts";

/** Holds what is suspicious, with the reasons and the stream that a release sends it to. */
export const work = (ports: Ports, config: ResolvedConfig): Handler<BatchResponse> =>
  workBatch(ports, config, async ({ message, recipient, claim, record, content }) => {
    const { nature, safety, trust, verdicts, envelope } = message;
    await ports.quarantine.hold(claim, {
      sesMessageId: message.sesMessageId,
      recipient,
      intendedStream: intendedStream(config, {
        recipient,
        judgement: { nature, safety, trust, complete: true },
        headers: await content.headers(),
        verdicts,
        envelopeFrom: envelope.from,
      }),
      reasons: record.reasons,
      message: { ...message, recipients: [recipient] },
      heldAt: ports.clock.now().toISOString(),
    });
    return { state: "quarantined", outcome: "held" };
  });
