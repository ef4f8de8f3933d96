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
