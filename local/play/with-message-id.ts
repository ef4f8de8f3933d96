// A header section that is longer keeps its Message-ID: nobody writes such a thing to be played.
const maxHeaderBytes = 1_048_576;
const headersEnd = Buffer.from("\r\n\r\n");

/** The message with this Message-ID in place of its own ones. Expects CRLF; the body streams by. */
export async function* withMessageId(source: AsyncIterable<Uint8Array>, messageId: string): AsyncGenerator<Uint8Array> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of source) {
    if (!head) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(headersEnd);
    if (end === -1 && head.length < maxHeaderBytes) continue;
    yield end === -1 ? head : replaced(head, end, messageId);
    head = undefined;
  }
  if (head) yield replaced(head, head.length, messageId);
}

function replaced(octets: Buffer, end: number, messageId: string): Buffer {
  const fields = octets
    .subarray(0, end)
    .toString("latin1")
    .split(/\r\n(?![ \t])/)
    .filter((field) => field !== "" && !/^message-id\s*:/i.test(field));
  const own = Buffer.from([...fields, `Message-ID: ${messageId}`].join("\r\n"), "latin1");
  const rest = octets.subarray(end);
  return Buffer.concat([own, rest.length === 0 ? headersEnd : rest]);
}
