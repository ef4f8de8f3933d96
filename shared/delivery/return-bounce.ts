import { createHash } from "node:crypto";
import type { ResolvedConfig } from "../config/types.ts";
import { readDsn } from "../mail/dsn.ts";
import type { Ports } from "../ports.ts";
import type { Delivery } from "./deliver-all.ts";
import { joinFields, splitFields } from "./header-fields.ts";
import { pauseTarget } from "./pause-target.ts";
import { createSrs } from "./srs.ts";

export interface ReturnedBounce {
  readonly outcome: "bounce-returned" | "srs-refused";
  readonly detail: Readonly<Record<string, string>>;
}

/**
 * A mail to an SRS address: a bounce of one that was forwarded. It goes on to the original sender if we signed the address
 * and it is a bounce; anything else would let whoever saw such an address send through us. A target that is gone is paused.
 *
 * @throws {StaleClaimError}
 */
export async function returnBounce(
  ports: Pick<Ports, "outbox" | "secrets" | "suppressions" | "clock">,
  config: ResolvedConfig,
  { message, recipient, claim, content }: Delivery,
): Promise<ReturnedBounce> {
  const refused = (reasons: string): ReturnedBounce => ({ outcome: "srs-refused", detail: { reasons } });
  const srs = createSrs(await ports.secrets.keyRing(), config.personal.forwarding.srsDomain);
  const answer = srs.reverse(recipient, ports.clock.now());
  if (answer.kind !== "valid") return refused(`the SRS address is ${answer.kind}`);
  if (message.envelope.from !== "" || message.nature.kind === "human") return refused("it is no bounce");
  const targets = new Set(
    config.streams
      .flatMap(({ delivery }) => Object.values(delivery).flat())
      .flatMap((entry) => (entry.kind === "forward" ? [entry.to] : [])),
  );
  const report = message.nature.kind === "bounce" ? readDsn(await content.mail()) : undefined;
  const gone = report?.recipients.find(({ kind, address }) => kind === "hard" && targets.has(address.toLowerCase()));
  const paused =
    gone &&
    (await pauseTarget(
      ports,
      { claim },
      {
        address: gone.address.toLowerCase(),
        at: message.receivedAt,
        note: `a forwarded mail came back: ${gone.status ?? gone.reason}`,
      },
    ));
  const chunks: Uint8Array[] = [];
  for await (const chunk of await content.raw()) chunks.push(chunk);
  const { fields, rest } = splitFields(Buffer.concat(chunks));
  const kept = fields.filter(({ name }) => name !== "return-path" && !name.startsWith("x-ses-"));
  const to = createHash("sha256").update(answer.address).digest("hex").slice(0, 24);
  const { messageId } = await ports.outbox.sendMail({
    id: `${message.sesMessageId}/forward/${to}`,
    kind: "forward",
    envelopeSender: "",
    recipients: [answer.address],
    raw: joinFields(kept, rest),
  });
  return {
    outcome: "bounce-returned",
    detail: {
      forwarded: `to the original sender as ${messageId}`,
      ...(paused && gone && { target: `${gone.address}: ${paused}` }),
    },
  };
}
