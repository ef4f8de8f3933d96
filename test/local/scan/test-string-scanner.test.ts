import { describe, expect, test } from "vitest";
import { testStringScanner } from "../../../local/scan/test-string-scanner.ts";

const gtube = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"].join("");
const eicar = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join("");
const context = { ip: "192.0.2.1", helo: "mx.example", mailFrom: "", recipients: [] };

const cut = (text: string, size: number) =>
  async function* () {
    for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size), "latin1");
  };

/** As a mail client encodes an attachment: 76 characters a line. */
const base64 = (text: string) => Buffer.from(text, "latin1").toString("base64").replace(/.{76}/g, "$&\r\n");
const mail = (body: string) => `From: a@example.org\r\nSubject: x\r\n\r\n${body}\r\n`;

describe("verdicts", () => {
  test.for<[string, string, string, string]>([
    ["an ordinary mail", mail("hello"), "PASS", "PASS"],
    ["GTUBE in the text", mail(gtube), "FAIL", "PASS"],
    ["EICAR in the text", mail(eicar), "PASS", "FAIL"],
    ["both", mail(`${gtube}\r\n${eicar}`), "FAIL", "FAIL"],
    ["EICAR as a base64 attachment", mail(base64(eicar)), "PASS", "FAIL"],
    ["EICAR one octet into an attachment", mail(base64(`x${eicar}\n`)), "PASS", "FAIL"],
    ["EICAR two octets into an attachment", mail(base64(`xy${eicar} and more`)), "PASS", "FAIL"],
    [
      "EICAR deep inside an attachment, over several lines",
      mail(base64(`${"z".repeat(1000)}${eicar}${"z".repeat(1000)}`)),
      "PASS",
      "FAIL",
    ],
    ["a base64 attachment with LF line ends", mail(base64(`abc${eicar}`).replaceAll("\r\n", "\n")), "PASS", "FAIL"],
    ["GTUBE in base64", mail(base64(`${"q".repeat(200)}${gtube}`)), "FAIL", "PASS"],
    ["nearly EICAR", mail(eicar.replace("FILE", "FILM")), "PASS", "PASS"],
    ["an empty message", "", "PASS", "PASS"],
  ])("%s", async ([, text, spam, virus]) => {
    const { detail, ...verdicts } = await testStringScanner().scan(cut(text, 4096), context);
    expect(verdicts).toEqual({ spam, virus });
    expect(detail).toContain("test strings only, no scanner");
  });

  test("wherever the chunks are cut", async () => {
    for (const text of [mail(eicar), mail(base64(`${"z".repeat(100)}${eicar}`))]) {
      for (const size of [1, 2, 3, 5, 17, 67, 68, 75, 76, 77]) {
        const { virus } = await testStringScanner().scan(cut(text, size), context);
        expect({ size, virus }).toEqual({ size, virus: "FAIL" });
      }
    }
  });

  test("one of the two alone says nothing of the other", async () => {
    expect(await testStringScanner({ virus: false }).scan(cut(mail(gtube), 99), context)).toMatchObject({
      spam: "FAIL",
    });
    expect(await testStringScanner({ virus: false }).scan(cut(mail(eicar), 99), context)).not.toHaveProperty("virus");
  });
});

test("a message that cannot be read is no verdict", async () => {
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from("From: a@example.org\r\n");
    throw new Error("EIO: spool");
  };
  await expect(testStringScanner().scan(broken, context)).rejects.toThrow("EIO: spool");
});
