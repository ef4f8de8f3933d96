import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type DsnRecipient, readDsn } from "../../../shared/mail/dsn.ts";
import { classifyBounce } from "../../../shared/mail/dsn-reason.ts";
import { readStage } from "../../../shared/mail/dsn-stage.ts";
import { parseMail } from "../../../shared/mail/parse-mail.ts";

const fixture = async (name: string) =>
  readDsn(await parseMail(readFileSync(new URL(`../../mail/${name}`, import.meta.url))));
const report = async (text: string, headers = "") =>
  readDsn(
    await parseMail(
      Buffer.from(
        `From: MAILER-DAEMON@mx.example\r\nTo: me@in.example\r\nSubject: failure notice\r\n${headers}\r\n${text}`,
      ),
    ),
  );

test("a report with several recipients tells each one's fate", async () => {
  expect(await fixture("dsn-postfix.eml")).toMatchObject({
    originalMessageId: "<issue-7@shop.example>",
    recipients: [
      { address: "gone@customer.example", action: "failed", status: "5.1.1", kind: "hard", reason: "user-unknown" },
      { address: "full@customer.example", action: "failed", status: "4.2.2", kind: "soft", reason: "mailbox-full" },
      { address: "slow@customer.example", action: "delayed", status: "4.4.1", kind: "delayed" },
    ],
  });
});

test("qmail's text is read, with the Message-ID of the copy", async () => {
  expect(await fixture("bounce-qmail.eml")).toMatchObject({
    originalMessageId: "<issue-7@shop.example>",
    recipients: [{ address: "gone@customer.example", kind: "hard", reason: "user-unknown" }],
  });
});

describe("reports in text", () => {
  test.for<[string, string, string, Partial<DsnRecipient>[]]>([
    [
      "Exim",
      "",
      "The following address(es) failed:\n\n  x@y.example\n    SMTP error from remote mail server after RCPT TO:<x@y.example>:\n    550 5.1.1 no such user here\n",
      [{ address: "x@y.example", kind: "hard", status: "5.1.1" }],
    ],
    [
      "a header names them",
      "X-Failed-Recipients: x@y.example, z@y.example\r\n",
      "Message rejected: mailbox full\n",
      [{ address: "x@y.example", reason: "mailbox-full" }, { address: "z@y.example" }],
    ],
    [
      "a delay",
      "",
      "Your message has not yet been delivered to\n\n  x@y.example\n\nDelivery attempts will continue.\nNo action is required on your part.\n",
      [{ address: "x@y.example", kind: "delayed" }],
    ],
    [
      "whom to ask has not failed",
      "",
      "x@y.example: user unknown\n\nFor help contact postmaster@y.example or support@y.example\n",
      [{ address: "x@y.example" }],
    ],
    [
      "one's own address, in the form for failures",
      "",
      "<me@in.example>:\n552 disk quota exceeded\n",
      [{ address: "me@in.example", kind: "soft" }],
    ],
  ])("%s", async ([, headers, text, recipients]) => {
    const dsn = await report(text.replaceAll("\n", "\r\n"), headers);
    expect(dsn?.recipients).toHaveLength(recipients.length);
    expect(dsn).toMatchObject({ recipients });
  });

  test.for<[string, (notice: string) => string]>([
    ["as it is", (notice) => notice],
    ["in the topic's envelope", (notice) => JSON.stringify({ Type: "Notification", Message: notice }, undefined, 2)],
    ["broken by Sendmail", (notice) => notice.replace('"action"', '!\n "action"')],
  ])("SES's notification that SNS sent by mail, %s", async ([, wrap]) => {
    const notice = {
      notificationType: "Bounce",
      bounce: {
        bouncedRecipients: [
          {
            emailAddress: "x@y.example",
            action: "failed",
            status: "5.1.1",
            diagnosticCode: "smtp; 550 5.1.1 user unknown",
          },
        ],
      },
      mail: { source: "me@in.example", destination: ["x@y.example", "z@y.example"] },
    };
    const dsn = await report(`${wrap(JSON.stringify(notice))}\n\n--\nTo unsubscribe: x@sns.example\n`);
    expect(dsn?.recipients).toMatchObject([{ address: "x@y.example", status: "5.1.1", kind: "hard" }]);
    expect(dsn?.recipients).toHaveLength(1);
  });

  test("the mail's own To, quoted before the failure, has not failed", async () =>
    expect(
      (
        await report(
          "Your message\n\n  To:      list@z.example\n  Subject: hi\n  Sent:    today\n\ndid not reach the following recipient(s):\n\nx@y.example on Friday\n    The recipient name is not recognized\n",
        )
      )?.recipients,
    ).toMatchObject([{ address: "x@y.example", kind: "hard" }]));

  test("Google Groups does not say whether there is such a group", async () =>
    expect(
      (
        await report(
          "We are sorry: the group may not exist, or you may not post to it.\n",
          "X-Failed-Recipients: g@googlegroups.com\r\n",
        )
      )?.recipients,
    ).toMatchObject([{ kind: "soft" }]));

  test("a bare refusal proves nothing about the address; the command or an enhanced status does", async () => {
    const kindOf = async (words: string) => (await report(`<x@y.example>: ${words}\n`))?.recipients[0]?.kind;
    expect(await kindOf("550 unknown user")).toBe("soft");
    expect(await kindOf("550 5.1.1 unknown user")).toBe("hard");
    expect(await kindOf("550 unknown user (in reply to RCPT TO command)")).toBe("hard");
    expect(await kindOf("Sorry, no mailbox here by that name.")).toBe("hard");
  });

  test("a text without an address is no report", async () =>
    expect(await report("Something went wrong.")).toBeUndefined());
});

describe("why", () => {
  test.for<[string, string | undefined, ReturnType<typeof classifyBounce>]>([
    ["550 5.1.1 User unknown", "5.1.1", "user-unknown"],
    ["550 5.4.1 Recipient address rejected: Access denied", "5.4.1", "user-unknown"],
    ["552 5.2.2 over quota", "5.2.2", "mailbox-full"],
    ["550 5.7.26 This mail is unauthenticated: SPF did not pass", "5.7.26", "authentication"],
    ["554 blocked using zen.spamhaus.org", undefined, "blocked"],
    ["Host or domain name not found. Name service error type=A: Host not found", "5.4.4", "host-unknown"],
    ["Host not found, try again", "4.4.3", "network"],
    ["556 domain takes no mail", undefined, "not-accepted"],
    ["550 Address rejected", "5.1.1", "user-unknown"],
    ["unknown@spam.example said no", undefined, "undefined"],
  ])("%s (%s)", ([said, status, reason]) => expect(classifyBounce(said, status)).toBe(reason));

  test.for<[string, string, ReturnType<typeof readStage>]>([
    ["550 User unknown (in reply to end of DATA command)", "", "data"],
    ["SMTP error from remote mail server after MAIL FROM:<a@b.example>", "", "mail-from"],
    ["192.0.2.1 does not like recipient.", "", "rcpt-to"],
    ["550 no", ">>> DATA\n<<< 550 no\n", "data"],
    ["550 no", ">>> DATA\n<<< 550 no\n<<< 503 need RCPT\n", "rcpt-to"],
    ["550 no", "", undefined],
  ])("%s was said at its command", ([said, transcript, stage]) => expect(readStage(said, transcript)).toBe(stage));

  test("an unknown user after DATA had been accepted before: a filter spoke", () => {
    expect(classifyBounce("550 Unknown user", undefined, "data")).toBe("filtered");
    expect(classifyBounce("550 Unknown user", undefined, "rcpt-to")).toBe("user-unknown");
  });
});
