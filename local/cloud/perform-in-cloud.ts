import { createReadStream } from "node:fs";
import { unreachable } from "../../shared/errors.ts";
import type { ActionInput, ActionTools, Performed } from "../actions/action.ts";
import { performAction } from "../actions/perform-action.ts";
import type { ActionEffect } from "../store/engine-store.ts";
import type { Cloud } from "./cloud-target.ts";

/**
 * Performs actions as on one machine, and then carries out what they do elsewhere: objects, notices and invocations go to the
 * cloud, in their order, before the action's log row is written. Stopped in between, the action is done again: the same
 * object, the notice once more, as SES may do. Bounces stay here, in the outbox.
 */
export function performInCloud(cloud: Cloud): typeof performAction {
  return async (input: ActionInput, tools: ActionTools): Promise<Performed> => {
    const { effects, discard, ...performed } = await performAction(input, tools);
    const kept: ActionEffect[] = [];
    try {
      for (const effect of effects) {
        if (effect.kind === "send-bounce" || effect.kind === "count" || effect.kind === "pipeline") kept.push(effect);
        else await carryOut(cloud, input, effect);
      }
    } finally {
      // An encrypted object on its way; what was sent needs it no more, and another attempt makes a new one.
      await discard?.();
    }
    return { ...performed, effects: kept };
  };
}

type Elsewhere = Exclude<ActionEffect, { readonly kind: "send-bounce" | "count" | "pipeline" }>;

async function carryOut({ objects, topics, functions }: Cloud, input: ActionInput, effect: Elsewhere): Promise<void> {
  switch (effect.kind) {
    case "put-object": {
      const { bucket, key, content, metadata } = effect;
      const body =
        content.kind === "inline"
          ? content.bytes
          : content.kind === "file"
            ? createReadStream(content.path)
            : input.stored();
      return objects.put({ bucket, key }, body, metadata);
    }
    case "publish":
      return topics.publish(effect.topicArn, { subject: effect.subject, message: effect.message });
    case "invoke":
      return functions.invokeLater(effect.functionArn, JSON.stringify(effect.event));
    default:
      return unreachable(effect);
  }
}
