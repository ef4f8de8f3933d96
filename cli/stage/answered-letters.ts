import { removeLetters } from "../../shared/aws/remove-letters.ts";
import { normaliseAddress } from "../../shared/mail/address.ts";
import { parseSesMessageId, type SesMessageId } from "../../shared/ses-message-id.ts";
import type { SentAgain } from "../../shared/streams/send-again.ts";
import { deadLetterQueues } from "./dead-letters.ts";
import type { OpenStage } from "./open-stage.ts";
import { aboutOf } from "./redrive-stage.ts";

/**
 * The dead letters that a replay answers: with it the recipients have had their answer, and a later failure makes a letter of its own.
 * A letter of several recipients stays until each of them was replayed or has ended well.
 */
export function answeredLetters({ config, ports }: Pick<OpenStage, "config" | "ports">) {
  const replayed = new Map<SesMessageId, Set<string>>();
  const sentTo = new Set<string>();
  const streamQueues = new Map(config.streams.map(({ name }) => [name, config.names.streamQueue(name)]));
  return {
    note(id: SesMessageId, sent: SentAgain): void {
      if (sent.kind === "no-object") return;
      const known = replayed.get(id) ?? new Set<string>();
      replayed.set(id, known);
      if (sent.kind === "ended") {
        for (const queue of streamQueues.values()) sentTo.add(queue);
        return;
      }
      for (const recipient of sent.recipients) known.add(recipient);
      if (sent.kind === "to-router") sentTo.add(config.names.noticeQueue).add(config.names.objectQueue);
      else for (const stream of sent.streams) sentTo.add(streamQueues.get(stream) ?? "");
    },
    /** @returns how many were deleted, and the queues in which somebody holds some */
    async remove(): Promise<{ readonly count: number; readonly inHands: readonly string[] }> {
      let count = 0;
      const inHands: string[] = [];
      const meant = deadLetterQueues(config).filter(
        ({ source }) => source.kind === "queue" && sentTo.has(source.queue),
      );
      for (const { name } of meant) {
        const { visible, inFlight } = await ports.queues.counts(name);
        if (visible + inFlight === 0) continue;
        const removed = await removeLetters(ports.queues, name, isAnswered);
        count += removed.count;
        if (removed.inHands) inHands.push(name);
      }
      return { count, inHands };
    },
  };

  async function isAnswered(body: string): Promise<boolean> {
    const { sesMessageId, recipients } = aboutOf(body);
    const id = parseSesMessageId(sesMessageId);
    const again = id && replayed.get(id);
    if (id === undefined || again === undefined) return false;
    const records = await ports.ledger.recipients(id);
    const hasEnded = (address: string) =>
      records.some(({ recipient, state }) => recipient === address && (state === "done" || state === "quarantined"));
    // A notice or an event is for whoever is not routed.
    if (recipients.length === 0) {
      return again.size > 0 || (records.length > 0 && records.every(({ recipient }) => hasEnded(recipient)));
    }
    return recipients.map(normaliseAddress).every((address) => again.has(address) || hasEnded(address));
  }
}
