import * as z from "zod";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { returnForward } from "../../shared/delivery/forward-bounce.ts";
import type { Ports } from "../../shared/ports.ts";
import { applyFeedback } from "../../shared/unsubscribe/feedback.ts";
import { createPersonOf } from "../../shared/unsubscribe/person.ts";
import { readSesFeedback, SesFeedbackError } from "../../shared/unsubscribe/ses-feedback.ts";
import { alertForwardBounces } from "../alert-forward-bounces.ts";
import { type BatchResponse, eachRecord } from "../batch.ts";
import { type Handler, logger } from "../stack.ts";

/** What SES tells about mail that was sent through it (bounces, complaints), from a queue that its topic feeds. */
export const work =
  (ports: Ports, config: ResolvedConfig): Handler<BatchResponse> =>
  (event, context) =>
    eachRecord(event, context, async ({ body }) => {
      const personOf = createPersonOf(await ports.secrets.keyRing());
      for (const { id, kind, address, at, note, source, messageId } of readSesFeedback(unwrap(body))) {
        const by = { effect: `ses-feedback ${id}` };
        const isForward =
          source === config.personal.forwarding.from || (await ports.outbox.forwardSentAs(messageId)) !== undefined;
        if (isForward && kind !== "complaint") {
          // A mail of somebody else's that we passed on: it says something about the target, not about our own mail.
          const isGone = kind === "hard-bounce";
          const outcome = await returnForward(ports, config, by, { isGone, address, at, note, messageId });
          logger.warn("forwarded mail came back", { kind, ...outcome });
          if (outcome.sender !== "repeated") await alertForwardBounces(ports, id);
          continue;
        }
        const outcome = await applyFeedback(ports, config, by, {
          kind,
          person: personOf(address),
          address,
          at,
          evidence: { note },
        });
        logger.info("feedback applied", { kind, outcome });
      }
    });

const envelope = z.object({ Type: z.literal("Notification"), Message: z.string() });

/** SNS puts an envelope around what it brings, unless the subscription is raw. */
function unwrap(body: string): unknown {
  const outer = parse(body);
  const wrapped = envelope.safeParse(outer);
  return wrapped.success ? parse(wrapped.data.Message) : outer;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SesFeedbackError("A message on the queue feedback is no JSON: who else sends there?", { cause });
  }
}
