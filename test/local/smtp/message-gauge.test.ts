import { expect, test } from "vitest";
import { createGauge } from "../../../local/smtp/message-gauge.ts";

function measure(message: string, pieceBytes: number) {
  const gauge = createGauge();
  const bytes = Buffer.from(message, "latin1");
  for (let at = 0; at < bytes.length; at += pieceBytes) gauge.measure(bytes.subarray(at, at + pieceBytes));
  gauge.end();
  return { sizeBytes: gauge.sizeBytes, bareNewline: gauge.bareNewline, hops: gauge.hops };
}

test.for<[string, string, { bareNewline?: boolean; hops?: number }]>([
  ["nothing", "", {}],
  ["a proper message", "Subject: a\r\n\r\nb\r\n", {}],
  ["no line end at the end", "a\r\n\r\nb", {}],
  ["a bare LF in the headers", "Subject: a\n\r\nb\r\n", { bareNewline: true }],
  ["a bare LF in the body", "Subject: a\r\n\r\nb\nc\r\n", { bareNewline: true }],
  ["a bare LF as the first octet", "\nb\r\n", { bareNewline: true }],
  ["a bare CR in the body", "Subject: a\r\n\r\nb\rc\r\n", { bareNewline: true }],
  ["two CRs before an LF", "a\r\r\n", { bareNewline: true }],
  ["a CR as the last octet", "a\r\n\r\nb\r", { bareNewline: true }],
  ["Received fields in any case", "Received: a\r\nRECEIVED: b\r\nreceived: c\r\n\r\n", { hops: 3 }],
  ["a folded field is one", "Received: a\r\n\tReceived: b\r\n by c\r\n\r\n", { hops: 1 }],
  ["names that only begin like it", "Received-SPF: pass\r\nX-Received: a\r\nReceive: b\r\n\r\n", {}],
  ["Received in the body does not count", "Received: a\r\n\r\nReceived: b\r\n", { hops: 1 }],
  ["no body at all", "Received: a\r\nReceived: b", { hops: 2 }],
])("%s", ([, message, { bareNewline = false, hops = 0 }]) => {
  for (let pieceBytes = 1; pieceBytes <= Math.max(1, message.length); pieceBytes += 1) {
    const expected = { sizeBytes: message.length, bareNewline, hops };
    expect(measure(message, pieceBytes), `in pieces of ${pieceBytes}`).toEqual(expected);
  }
});
