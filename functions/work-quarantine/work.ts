import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import { isFromAllowedSender } from "../../shared/streams/allowed-sender.ts";
import { intendedStream } from "../../shared/streams/decide.ts";
import { releaseFromQuarantine } from "../../shared/streams/release.ts";
import type { BatchResponse } from "../batch.ts";
import type { Handler } from "../stack.ts";
import { workBatch } from "../work-batch.ts";

/**
 * Holds what is suspicious, with the reasons and the stream that a release sends it to. Mail of an allowed sender is released
 * at once; if the worker dies between the two, it stays held, and somebody has to do it.
 */
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
    const held = { state: "quarantined", outcome: "held" } as const;
    if (await isFromAllowedSender(ports, message, record.reasons)) {
      await ports.ledger.finish(claim, held);
      await releaseFromQuarantine(ports, config, message.sesMessageId, recipient, { why: "its sender is allowed" });
    }
    return held;
  });
