import { simpleParser } from "mailparser";
import { expect, test } from "vitest";
import { buildDeliveryStatus, type DeliveryStatusInput } from "../../../local/actions/delivery-status.ts";

const input: DeliveryStatusInput = {
  key: "5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1/0/1",
  region: "us-west-2",
  sentAt: new Date("2026-08-04T09:15:04Z"),
  arrivedAt: new Date("2026-08-04T09:15:02Z"),
  from: "bounce@shop.example",
  to: "ann@sender.example",
  recipients: [
    { recipient: "orders@shop.example", smtpReplyCode: "550", statusCode: "5.1.1", message: "Mailbox does not exist" },
    { recipient: "b@shop.example", smtpReplyCode: "450", message: "Temporary failure" },
  ],
  originalHeaders: Buffer.from("Return-Path: <ann@sender.example>\r\nSubject: a\r\n\r\n"),
};

test("the DSN is SES's to the byte, but for what names one sending", () => {
  const { messageId, raw } = buildDeliveryStatus(input);
  const text = Buffer.from(raw).toString("latin1");
  const boundary = /boundary="([^"]+)"/.exec(text)?.[1] ?? "";
  expect(boundary).toMatch(/^----=_Part_\d+_\d+\.1785834904000$/);
  expect(messageId).toMatch(/^0101019[0-9a-f]{9}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-000000$/);
  const lines = text
    .replaceAll(boundary, "B")
    .replace(messageId, "ID")
    .replace(/(Feedback-ID: 1\.us-west-2\.)[^:]+/, "$1X")
    .split("\r\n");
  expect(lines).toEqual([
    "Date: Tue, 4 Aug 2026 09:15:04 +0000",
    "From: bounce@shop.example",
    "To: ann@sender.example",
    "Message-ID: <ID@us-west-2.amazonses.com>",
    "Subject: Delivery Status Notification (Failure)",
    "MIME-Version: 1.0",
    "Content-Type: multipart/report; ",
    '\tboundary="B"; ',
    "\treport-type=delivery-status",
    "X-SES-Outgoing: 2026.08.04-127.0.0.1",
    "Feedback-ID: 1.us-west-2.X:AmazonSES",
    "",
    "--B",
    "Content-Type: text/plain; charset=us-ascii",
    "Content-Transfer-Encoding: 7bit",
    "Content-Description: Notification body",
    "",
    "This message could not be delivered.",
    "",
    "--B",
    "Content-Type: message/delivery-status",
    "Content-Transfer-Encoding: 7bit",
    "",
    "Reporting-MTA: dns; inbound-smtp.us-west-2.amazonaws.com",
    "Arrival-Date: Tue, 04 Aug 26 09:15:02 UTC",
    "",
    "Action: failed",
    "Final-Recipient: rfc822; orders@shop.example",
    "Original-Recipient: rfc822; orders@shop.example",
    "Diagnostic-Code: smtp; 550 5.1.1 Mailbox does not exist",
    "Status: 5.1.1",
    "",
    "Action: failed",
    "Final-Recipient: rfc822; b@shop.example",
    "Original-Recipient: rfc822; b@shop.example",
    "Diagnostic-Code: smtp; 450 Temporary failure",
    "Status: 4.0.0",
    "",
    "--B",
    "Content-Type: text/rfc822-headers",
    "Content-Description: Undelivered Message",
    "",
    "Return-Path: <ann@sender.example>",
    "Subject: a",
    "",
    "",
    "--B--",
    "",
  ]);
});

test("the same bounce is the same message, another one is not", () => {
  expect(buildDeliveryStatus(input)).toEqual(buildDeliveryStatus(input));
  expect(buildDeliveryStatus({ ...input, key: "other" }).messageId).not.toBe(buildDeliveryStatus(input).messageId);
});

test("what strangers wrote stays on its line", () => {
  const { raw } = buildDeliveryStatus({
    ...input,
    to: "ann@sender.example\r\nBcc: all@shop.example",
    recipients: [{ recipient: "a\r\nStatus: 2.0.0", smtpReplyCode: "550", message: "x\nY: z" }],
  });
  const text = Buffer.from(raw).toString();
  expect(text).not.toMatch(/^(?:Bcc|Y):|^Status: 2/m);
});

test("what SendBounce may say stands field by field where RFC 3464 wants it", () => {
  const { raw } = buildDeliveryStatus({
    ...input,
    explanation: "Your order\ncould not be read.",
    messageDsn: {
      reportingMta: "dns; mx.shop.example",
      arrivalDate: new Date("2026-08-03T01:02:03Z"),
      extensionFields: [{ name: "X-Shop-Queue", value: "17" }],
    },
    recipients: [
      {
        recipient: "orders@shop.example",
        smtpReplyCode: "450",
        statusCode: "4.2.2",
        message: "unused",
        dsn: {
          finalRecipient: "till@shop.example",
          action: "delayed",
          remoteMta: "dns; till.shop.example",
          status: "4.2.2",
          diagnosticCode: "smtp; 452 4.2.2 The till is full",
          lastAttemptDate: new Date("2026-08-04T09:15:03Z"),
          extensionFields: [{ name: "X-Till", value: "3" }],
        },
      },
      {
        recipient: "b@shop.example",
        smtpReplyCode: "250",
        statusCode: "2.0.0",
        message: "unused",
        dsn: { action: "relayed", status: "2.0.0" },
      },
    ],
  });
  const text = Buffer.from(raw).toString("latin1");
  expect(text).toContain("Subject: Delivery Status Notification (Delay)\r\n");
  expect(text).toContain("Content-Description: Notification body\r\n\r\nYour order\r\ncould not be read.\r\n\r\n--");
  const status = text.slice(text.indexOf("Reporting-MTA"), text.indexOf("\r\n--", text.indexOf("Reporting-MTA")));
  expect(status.split("\r\n")).toEqual([
    "Reporting-MTA: dns; mx.shop.example",
    "Arrival-Date: Mon, 03 Aug 26 01:02:03 UTC",
    "X-Shop-Queue: 17",
    "",
    "Action: delayed",
    "Final-Recipient: rfc822; till@shop.example",
    "Original-Recipient: rfc822; orders@shop.example",
    "Remote-MTA: dns; till.shop.example",
    "Diagnostic-Code: smtp; 452 4.2.2 The till is full",
    "Last-Attempt-Date: Tue, 4 Aug 2026 09:15:03 +0000",
    "Status: 4.2.2",
    "X-Till: 3",
    "",
    "Action: relayed",
    "Final-Recipient: rfc822; b@shop.example",
    "Original-Recipient: rfc822; b@shop.example",
    "Status: 2.0.0",
    "",
  ]);
});

test("an explanation in any language, of any length, is read as it was written, and forges no part", async () => {
  const boundary = /boundary="([^"]+)"/.exec(Buffer.from(buildDeliveryStatus(input).raw).toString())?.[1];
  const explanation = `Größe überschritten ${"x".repeat(2_000)}\r\n--${boundary}--\r\n.\r\nEnde`;
  const { raw } = buildDeliveryStatus({ ...input, explanation });
  const mail = await simpleParser(Buffer.from(raw));
  // mailparser adds the report's fields to the text.
  const shown = explanation.replaceAll("\r\n", "\n");
  expect(mail.text?.slice(0, shown.length + 15)).toBe(`${shown}\nReporting-MTA:`);
  expect(
    Math.max(
      ...Buffer.from(raw)
        .toString()
        .split("\r\n")
        .map((line) => line.length),
    ),
  ).toBeLessThan(998);
});

test("a long extension value is folded, not cut", () => {
  const value = "word ".repeat(409).trim();
  const { raw } = buildDeliveryStatus({
    ...input,
    messageDsn: { reportingMta: "dns; a", extensionFields: [{ name: "X-Long", value }] },
  });
  const text = Buffer.from(raw).toString();
  const field = /X-Long: ((?:.|\r\n )*)/.exec(text)?.[1] ?? "";
  expect(field.replaceAll("\r\n ", " ")).toBe(value);
  expect(Math.max(...field.split("\r\n").map((line) => line.length))).toBeLessThan(998);
});
