import { type Header, parseHeaderSection } from "../../shared/mail/headers.ts";
import { buildAddedHeaders, buildHeaderBlock } from "../../shared/receipt/header-block.ts";
import type { ReceiptSigner } from "../../shared/receipt/receipt-signer.ts";
import type { AcceptedMessage, Verification } from "../store/engine-store.ts";

/** What stands in front of a message as a rule stores it: SES's header block, and the headers that actions added. */
export function buildStoredBlock(
  message: AcceptedMessage,
  { authentication, verdicts }: Verification,
  rule: { readonly scan: boolean; readonly addedHeaders: readonly Header[] },
  { region, sign }: { readonly region: string; readonly sign: ReceiptSigner },
): Buffer {
  const block = buildHeaderBlock(
    {
      sesMessageId: message.sesMessageId,
      region,
      client: message.client,
      envelopeFrom: message.from,
      recipient: message.recipients[0] ?? "",
      receivedAt: message.receivedAt,
      authentication,
      scan: rule.scan ? { spam: verdicts.spam, virus: verdicts.virus } : undefined,
    },
    sign,
  );
  return Buffer.concat([block, buildAddedHeaders(rule.addedHeaders)]);
}

// A bounce returns this much of the original header section.
const maxQuotedBytes = 65_536;

/** The header section for part 3 of a DSN: up to the body, or 64 KB. */
export function quotedHeader(block: Uint8Array, header: Uint8Array): Uint8Array {
  const octets = Buffer.concat([block, header]);
  return octets.subarray(0, parseHeaderSection(octets, maxQuotedBytes).bodyOffset);
}

// As far as `parseHeaderSection` reads.
const maxHeaderBytes = 1_048_576;
const emptyLine = Buffer.from("\r\n\r\n");

/** The beginning of a message, to the end of its header section or a little over 1 MB; the rest is not read. */
export async function readHeader(raw: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let border: Uint8Array = new Uint8Array();
  for await (const chunk of raw) {
    chunks.push(chunk);
    length += chunk.length;
    // The empty line may lie across two chunks.
    const window = Buffer.concat([border, chunk]);
    if (window.includes(emptyLine) || length >= maxHeaderBytes) break;
    border = window.subarray(-3);
  }
  return Buffer.concat(chunks, length);
}
