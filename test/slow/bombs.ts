/** A message made to exhaust whoever reads it. */
export interface Bomb {
  readonly name: string;
  readonly raw: Uint8Array;
  /** Over a limit that makes it suspicious. */
  readonly exceeds: boolean;
}

const mail = (head: string, body = "") =>
  Buffer.from(`From: a@a.example\r\nTo: b@b.example\r\n${head}\r\n\r\n${body}`, "latin1");
const repeat = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, at) => line(at)).join("");

/** Each is made when it is asked for: together they are some 200 MB. */
export function* bombs(): Generator<Bomb> {
  const bomb = (name: string, raw: Uint8Array, exceeds = false): Bomb => ({ name, raw, exceeds });
  const nested = (count: number, type: string) =>
    repeat(count, (at) => `Content-Type: ${type}; boundary=b${at}\r\n\r\n--b${at}\r\n`);

  yield bomb("10,000 nested multiparts", Buffer.from(nested(10_000, "multipart/mixed")), true);
  yield bomb("10,000 nested alternatives", Buffer.from(nested(10_000, "multipart/alternative")), true);
  yield bomb("10,000 messages inside each other", Buffer.from("Content-Type: message/rfc822\r\n\r\n".repeat(10_000)));
  yield bomb("1,000,000 header fields", mail("X: y\r\n".repeat(1_000_000)), true);
  yield bomb("one header field of 8 MB", mail(`Subject: ${"a".repeat(8_000_000)}`), true);
  yield bomb("one line of 50 MB", mail("Subject: x", "x".repeat(50_000_000)), true);
  yield bomb("50 MB of HTML without a line end", mail("Content-Type: text/html", "<b>x</b>".repeat(6_250_000)), true);
  yield bomb(
    "100,000 parts",
    mail("Content-Type: multipart/mixed; boundary=b", "--b\r\n\r\nx\r\n".repeat(100_000)),
    true,
  );
  yield bomb("encoded words, 1 MB", mail(`Subject: ${"=?utf-8?q?=41?= ".repeat(62_000)}`));
  yield bomb("encoded words without end, 1 MB", mail(`Subject: ${"=?utf-8?b?".repeat(100_000)}`));
  yield bomb("base64 without an end, 16 MB", mail("Content-Transfer-Encoding: base64", "QUJD".repeat(4_000_000)), true);
  yield bomb("base64 of padding, 1 MB", mail("Content-Transfer-Encoding: base64", "=".repeat(1_000_000)));
  yield bomb(
    "quoted-printable of equals signs, 1 MB",
    mail("Content-Transfer-Encoding: quoted-printable", "=".repeat(1_000_000)),
  );
  yield bomb("100,000 recipients", mail(`Cc: ${repeat(100_000, (at) => `r${at}@b.example, `)}`), true);
  yield bomb("1,000,000 open comments in an address", mail(`Reply-To: ${"(".repeat(1_000_000)}`));
  yield bomb(
    "100,000 pieces of a parameter",
    mail(`Content-Type: text/plain${repeat(50_000, (at) => `; name*${at}=x`)}`),
  );
  yield bomb("60,000 references", mail(`References: ${repeat(60_000, (at) => `<${at}@b.example> `)}`));
  yield bomb(
    "40,000 failed addresses in words",
    mail(
      "Subject: Undelivered Mail Returned to Sender",
      repeat(40_000, (at) => `<r${at}@b.example>: unknown user\r\n`),
    ),
  );
  yield bomb(
    "40,000 failed addresses in fields",
    mail(
      "Subject: Undelivered Mail\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b",
      `--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n${repeat(40_000, (at) => `Final-Recipient: rfc822; r${at}@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n`)}--b--\r\n`,
    ),
  );
  yield bomb("100,000 nested elements", mail("Content-Type: text/html", "<div>".repeat(200_000)));
  yield bomb("100,000 nested quotations", mail("Subject: Re: x", `${">".repeat(1_000_000)} x`));
  yield bomb("100,000 beginnings of files", mail("Subject: x", `${"begin 644 x\r\n".repeat(70_000)}end`));
  yield bomb("nothing but please, 1 MB", mail("Subject: Re: x", "please ".repeat(140_000)));
  yield bomb(
    "nothing but attributions, 1 MB",
    mail("Subject: Re: x", "On Mon, 1 Jan 2024, a@b.example wrote:\r\n".repeat(25_000)),
  );
  yield bomb("a subject of openings, 1 MB", mail(`Subject: ${"Re: [a] ".repeat(125_000)}`));
  yield bomb(
    "a boundary's beginning, 1 MB",
    mail(`Content-Type: multipart/mixed; boundary="${"-".repeat(60)}"`, "--".repeat(500_000)),
  );
}
