import { describe, expect, test } from "vitest";
import { createDotDecoder } from "../../../local/smtp/dot-decoder.ts";
import { fc } from "../../property.ts";

/** Feeds the wire octets in the given pieces; what follows the end of data is `rest`. */
function decode(wire: string, pieceBytes = wire.length || 1): { data: string; rest: string | undefined } {
  const push = createDotDecoder();
  const bytes = Buffer.from(wire, "latin1");
  let data = "";
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const { octets, rest } = push(bytes.subarray(at, at + pieceBytes));
    data += octets.toString("latin1");
    if (rest) return { data, rest: rest.toString("latin1") + bytes.subarray(at + pieceBytes).toString("latin1") };
  }
  return { data, rest: undefined };
}

test.for<[string, string, { data: string; rest: string | undefined }]>([
  ["an empty message", ".\r\n", { data: "", rest: "" }],
  ["one line", "a\r\n.\r\n", { data: "a\r\n", rest: "" }],
  ["a pipelined command behind the end", "a\r\n.\r\nQUIT\r\n", { data: "a\r\n", rest: "QUIT\r\n" }],
  ["a stuffed dot in front of the first line", "..a\r\n.\r\n", { data: ".a\r\n", rest: "" }],
  ["a line that is one dot", "a\r\n..\r\nb\r\n.\r\n", { data: "a\r\n.\r\nb\r\n", rest: "" }],
  ["a first line that is one dot", "..\r\n.\r\n", { data: ".\r\n", rest: "" }],
  ["a dot that was not doubled goes too (RFC 5321 §4.5.2)", "a\r\n.b\r\n.\r\n", { data: "a\r\nb\r\n", rest: "" }],
  ["an empty line before the end", "a\r\n\r\n.\r\n", { data: "a\r\n\r\n", rest: "" }],
  ["a stuffed line right before the end", "..\r\n..\r\n.\r\n", { data: ".\r\n.\r\n", rest: "" }],
  ["dots within a line stay", "a..b\r\n.\r\n", { data: "a..b\r\n", rest: "" }],
])("%s", ([, wire, expected]) => {
  for (let pieceBytes = 1; pieceBytes <= wire.length; pieceBytes += 1) {
    expect(decode(wire, pieceBytes), `in pieces of ${pieceBytes}`).toEqual(expected);
  }
});

describe("what smuggling needs to be the end of data is text", () => {
  test.for([
    "\n.\n",
    "\r.\r",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r\n",
    "\r\n.\r",
    "\n.\r",
    "\r\0\n.\r\n",
    "\r\r\n.\r\r\n",
  ])("%j", (sequence) => {
    const smuggled = `a${sequence}MAIL FROM:<b@sender.example>\r\n`;
    const { data, rest } = decode(`${smuggled}.\r\n`);
    expect(rest).toBe("");
    expect(data).toContain("MAIL FROM:<b@sender.example>\r\n");
  });
});

test("whatever a sender stuffs by the rule comes out as it was, in any pieces", () => {
  const line = fc
    .string({ unit: fc.constantFrom(".", "a", "\n", "\r", " "), maxLength: 6 })
    .map((text) => text.replace(/\r\n/g, "x"));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.integer({ min: 1, max: 7 }), (lines, pieceBytes) => {
      // A CR at the end of a line would join the CRLF behind it: that is another line end.
      const message = lines.map((text) => `${text.replace(/\r$/, "")}\r\n`).join("");
      const wire = message.replace(/(^|\r\n)\./g, "$1..");
      expect(decode(`${wire}.\r\nRSET`, pieceBytes)).toEqual({ data: message, rest: "RSET" });
    }),
    { seed: 5321, numRuns: 500 },
  );
});
