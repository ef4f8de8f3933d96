const cr = 0x0d;
const lf = 0x0a;

/**
 * Gives a text CRLF line ends, as a mail program does before it sends a file: CRLF, LF and CR each count as one line end.
 * Streams; chunk borders do not matter.
 */
export async function* toCrlf(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let afterCr = false;
  for await (const chunk of source) {
    const out = Buffer.allocUnsafe(2 * chunk.length + 1);
    let used = 0;
    for (const octet of chunk) {
      if (octet === lf && afterCr) {
        afterCr = false;
        continue;
      }
      afterCr = octet === cr;
      if (octet === cr || octet === lf) {
        out[used++] = cr;
        out[used++] = lf;
      } else {
        out[used++] = octet;
      }
    }
    yield out.subarray(0, used);
  }
}
