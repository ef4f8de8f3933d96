import type { InjectedResults } from "./injected.ts";

/** What an actor is told; everything has a default. */
export interface Cue {
  /** The address of ours that is written to. */
  readonly to: string;
  /** The author, where the actor has one of its own. */
  readonly from?: string;
  readonly subject?: string;
  /** With angle brackets: the mail of ours that is bounced, reported or answered. */
  readonly about?: string;
  /** Whom the mail of ours was for, where it is bounced or reported. */
  readonly recipient?: string;
  /** What proves that the returned mail was ours: its header fields, for whom it was for. Default: nothing does. */
  readonly proofFor?: (recipient: string) => Readonly<Record<string, string>>;
  /** Of `huge`: megabytes. */
  readonly megabytes?: number;
  /** With angle brackets. */
  readonly messageId: string;
  readonly now: Date;
}

export interface Scene {
  /** Envelope sender; `""` is the null sender. */
  readonly envelopeFrom: string;
  readonly ip: string;
  readonly helo: string;
  readonly results: InjectedResults;
  /** CRLF line ends. */
  readonly raw: Iterable<Uint8Array>;
}

export interface Actor {
  readonly name: string;
  /** What arrives, and what usually becomes of it. */
  readonly description: string;
  play(cue: Cue): Scene;
}

const proven: InjectedResults = { spf: "pass", dkim: "pass", dmarc: "pass" };
const client = { ip: "203.0.113.25", helo: "mx.sender.example" } as const;
const mta = { ip: "198.51.100.7", helo: "mx.customer.example" } as const;

// Split, so that no scanner takes this file for the thing itself.
const gtube = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"].join("");
const eicar = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join("");

/** Canned senders: the mail that an inbound address sees sooner or later, one of each. */
export const actors: readonly Actor[] = [
  {
    name: "customer",
    description: "a person with a question, authenticated: a ticket, or mail in a mailbox",
    play: (cue) => {
      const from = cue.from ?? "ann@sender.example";
      return {
        ...{ ...client, envelopeFrom: from, results: proven },
        raw: message(cue, { From: `Ann Customer <${from}>`, Subject: cue.subject ?? "Broken door" }, [
          "Hello,",
          "",
          "the door does not open any more. What can I do?",
          "",
          "-- ",
          "Ann Customer",
        ]),
      };
    },
  },
  {
    name: "out-of-office",
    description: "an absence note (RFC 3834): recorded, unsubscribes nobody, opens no ticket",
    play: (cue) => {
      const from = cue.from ?? "bob@customer.example";
      return {
        ...{ ...mta, envelopeFrom: "", results: proven },
        raw: message(
          cue,
          {
            From: `Bob Away <${from}>`,
            Subject: cue.subject ?? "Out of office: News of August",
            "Auto-Submitted": "auto-replied",
            "X-Auto-Response-Suppress": "All",
            ...answering(cue),
          },
          ["I am out of the office until Monday and will unsubscribe from nothing.", "", "Bob"],
        ),
      };
    },
  },
  {
    name: "dsn-hard",
    description: "a delivery status notification, 5.1.1, of a mail that carried your token: the address is suppressed",
    play: (cue) => bounced(cue, { status: "5.1.1", action: "failed", said: "550 5.1.1 User unknown" }),
  },
  {
    name: "dsn-soft",
    description: "a delivery status notification, 4.2.2: counted, and suppressed when it comes again and again",
    play: (cue) => bounced(cue, { status: "4.2.2", action: "failed", said: "452 4.2.2 Mailbox full" }),
  },
  {
    name: "complaint",
    description:
      "an abuse report (ARF, RFC 5965) about a mail that carried your token: the address is suppressed for everything",
    play: (cue) => {
      const recipient = cue.recipient ?? "reader@customer.example";
      const fields = {
        From: `feedback@customer.example`,
        Subject: cue.subject ?? "FW: News of August",
        "Content-Type": 'multipart/report; report-type=feedback-report; boundary="report"',
      };
      return {
        ...{ ...mta, envelopeFrom: "feedback@customer.example", results: proven },
        raw: message(cue, fields, [
          ...part("text/plain; charset=us-ascii", ["A reader reported this mail."]),
          ...part("message/feedback-report", [
            "Feedback-Type: abuse",
            "User-Agent: Mailweir-Play/1.0",
            "Version: 1",
            `Original-Rcpt-To: <${recipient}>`,
            `Arrival-Date: ${cue.now.toUTCString().replace("GMT", "+0000")}`,
            "Source-IP: 192.0.2.1",
          ]),
          ...part("message/rfc822", original(cue, recipient)),
          "--report--",
        ]),
      };
    },
  },
  {
    name: "spoof",
    description: "written in the name of your own domain from elsewhere, DMARC fails: quarantine",
    play: (cue) => {
      const from = cue.from ?? `ceo@${domainOf(cue.to)}`;
      return {
        ...{ ip: "192.0.2.66", helo: "pwned.example.net", envelopeFrom: from },
        results: { spf: "fail", dkim: "none", dmarc: "fail", dmarcPolicy: "reject" },
        raw: message(cue, { From: `The Boss <${from}>`, Subject: cue.subject ?? "Urgent: transfer" }, [
          "Are you at your desk? I need a transfer done today, discreetly.",
        ]),
      };
    },
  },
  {
    name: "list",
    description: "a post on a mailing list (RFC 2369, RFC 2919)",
    play: (cue) => {
      const from = cue.from ?? "carol@sender.example";
      return {
        ...{ ...client, envelopeFrom: "users-bounces@lists.sender.example", results: { spf: "pass", dmarc: "none" } },
        raw: message(
          cue,
          {
            From: `Carol Writer <${from}>`,
            To: "users@lists.sender.example",
            Subject: cue.subject ?? "[users] Release 2.0",
            "List-Id": "Users <users.lists.sender.example>",
            "List-Post": "<mailto:users@lists.sender.example>",
            "List-Unsubscribe": "<mailto:users-leave@lists.sender.example>",
            Precedence: "list",
          },
          ["Version 2.0 is out."],
        ),
      };
    },
  },
  {
    name: "huge",
    description: "an attachment of 25 MB unless told otherwise; beyond the limit it is refused with 552",
    play: (cue) => {
      const from = cue.from ?? "ann@sender.example";
      const megabytes = cue.megabytes ?? 25;
      return {
        ...{ ...client, envelopeFrom: from, results: proven },
        raw: (function* () {
          yield* message(
            cue,
            {
              From: `Ann Customer <${from}>`,
              Subject: cue.subject ?? `A big file, ${megabytes} MB`,
              "Content-Type": 'multipart/mixed; boundary="report"',
            },
            [
              ...part("text/plain; charset=us-ascii", ["See the file."]),
              "--report",
              "Content-Type: application/octet-stream",
            ],
          );
          yield bytes(
            ["Content-Disposition: attachment; filename=big.bin", "Content-Transfer-Encoding: base64", "", ""].join(
              "\r\n",
            ),
          );
          const line = `${Buffer.alloc(57, "mailweir ").toString("base64")}\r\n`;
          const block = bytes(line.repeat(840));
          for (let left = megabytes * 1_048_576; left > 0; left -= block.length) yield block;
          yield bytes("\r\n--report--\r\n");
        })(),
      };
    },
  },
  {
    name: "broken-charset",
    description: "text in windows-1252 that says it is UTF-8, raw octets in the subject, a charset that does not exist",
    play: (cue) => {
      const from = cue.from ?? "jose@sender.example";
      return {
        ...{ ...client, envelopeFrom: from, results: proven },
        raw: message(
          cue,
          {
            From: `Jos\u00e9 <${from}>`,
            Subject: cue.subject ?? "Reparaci\u00f3n urgente \u2013 se\u00f1al",
            "Content-Type": 'multipart/mixed; boundary="report"',
          },
          [
            ...part("text/plain; charset=utf-8", ["\u00bfQu\u00e9 pas\u00f3? Ma\u00f1ana llamar\u00e9."]),
            ...part("text/plain; charset=x-no-such-thing", ["caf\u00e9"]),
            "--report--",
          ],
          "latin1",
        ),
      };
    },
  },
  {
    name: "gtube",
    description: "the spam test string: every scanner calls it spam",
    play: (cue) => {
      const from = cue.from ?? "offers@sender.example";
      return {
        ...{ ...client, envelopeFrom: from, results: proven },
        raw: message(cue, { From: `Offers <${from}>`, Subject: cue.subject ?? "You have won" }, [gtube]),
      };
    },
  },
  {
    name: "eicar",
    description: "the virus test file as an attachment: every scanner calls it a virus",
    play: (cue) => {
      const from = cue.from ?? "billing@sender.example";
      return {
        ...{ ...client, envelopeFrom: from, results: proven },
        raw: message(
          cue,
          {
            From: `Billing <${from}>`,
            Subject: cue.subject ?? "Invoice",
            "Content-Type": 'multipart/mixed; boundary="report"',
          },
          [
            ...part("text/plain; charset=us-ascii", ["The invoice is attached."]),
            "--report",
            "Content-Type: application/octet-stream; name=eicar.com",
            "Content-Disposition: attachment; filename=eicar.com",
            "Content-Transfer-Encoding: base64",
            "",
            Buffer.from(eicar, "latin1").toString("base64"),
            "--report--",
          ],
        ),
      };
    },
  },
  {
    name: "loop",
    description: "a mail that has passed 101 servers: refused with 554, to be seen among the refusals",
    play: (cue) => {
      const from = cue.from ?? "ann@sender.example";
      const hop = (number: number) =>
        `Received: from a${number}.sender.example by b${number}.example.net; ${date(cue.now)}\r\n`;
      return {
        ...{ ...client, envelopeFrom: from, results: proven },
        raw: [
          bytes(Array.from({ length: 101 }, (_, index) => hop(index)).join("")),
          ...message(cue, { From: `Ann Customer <${from}>`, Subject: cue.subject ?? "Round and round" }, ["Again."]),
        ],
      };
    },
  },
];

function bounced(cue: Cue, { status, action, said }: { status: string; action: string; said: string }): Scene {
  const recipient = cue.recipient ?? "gone@customer.example";
  const fields = {
    From: "Mail Delivery System <mailer-daemon@mx.customer.example>",
    Subject: cue.subject ?? "Undelivered Mail Returned to Sender",
    "Auto-Submitted": "auto-replied",
    "Content-Type": 'multipart/report; report-type=delivery-status; boundary="report"',
  };
  return {
    ...{ ...mta, envelopeFrom: "", results: { spf: "pass", dmarc: "none" } },
    raw: message(cue, fields, [
      ...part("text/plain; charset=us-ascii", [
        "Your message could not be delivered.",
        "",
        `<${recipient}>: host mx.customer.example[198.51.100.7] said: ${said}`,
      ]),
      ...part("message/delivery-status", [
        "Reporting-MTA: dns; mx.customer.example",
        "",
        `Final-Recipient: rfc822; ${recipient}`,
        `Action: ${action}`,
        `Status: ${status}`,
        `Diagnostic-Code: smtp; ${said}`,
      ]),
      ...part("text/rfc822-headers", original(cue, recipient).slice(0, -2)),
      "--report--",
    ]),
  };
}

function original(cue: Cue, recipient: string): string[] {
  return [
    `From: News <news@${domainOf(cue.to)}>`,
    `To: <${recipient}>`,
    "Subject: News of August",
    `Message-ID: ${cue.about ?? `<issue-7@${domainOf(cue.to)}>`}`,
    `Date: ${date(cue.now)}`,
    ...Object.entries(cue.proofFor?.(recipient) ?? {}).map(([name, value]) => `${name}: ${value}`),
    "",
    "Hello",
  ];
}

function answering({ about }: Cue): Record<string, string> {
  return about === undefined ? {} : { "In-Reply-To": about, References: about };
}

function part(contentType: string, lines: readonly string[]): string[] {
  return ["--report", `Content-Type: ${contentType}`, "", ...lines];
}

function* message(
  cue: Cue,
  fields: Readonly<Record<string, string>>,
  body: readonly string[],
  encoding: BufferEncoding = "utf8",
): Generator<Uint8Array> {
  const all = {
    To: `<${cue.to}>`,
    Date: date(cue.now),
    "Message-ID": cue.messageId,
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    ...fields,
  };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value.replace(/[\r\n]+/g, " ")}`);
  yield Buffer.from(`${[...head, "", ...body].join("\r\n")}\r\n`, encoding);
}

const bytes = (text: string) => Buffer.from(text, "utf8");
// RFC 5322 §3.3 wants the zone as a number.
const date = (now: Date) => now.toUTCString().replace("GMT", "+0000");
const domainOf = (address: string) => address.slice(address.lastIndexOf("@") + 1);
