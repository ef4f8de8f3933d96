import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import { expect, onTestFinished, test } from "vitest";
import { faultsOf, listed, untilEnded } from "./check-outcomes.ts";
import { engineFolder, mailweir, startEngineProcess } from "./engine-process.ts";

// SES: 40 MB, counted after dot-unstuffing, without its own header block.
const limitBytes = 41_943_040;
const memoryBytes = 250_000_000;

const config = {
  domains: ["example.com"],
  streams: {
    ticket: { recipients: ["support@example.com"] },
    personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
  },
};

test.for<[string, readonly string[], (sizeBytes: number) => Buffer]>([
  ["an attachment in base64, to a mailbox and a ticket", ["ann@example.com", "support@example.com"], withAttachment],
  ["lines of dots, to a ticket", ["support@example.com"], linesOfDots],
  ["one part without end, to a mailbox", ["ann@example.com"], oneLongText],
])("40 MB to the octet, %s: below 250 MB of memory; one octet more is refused", async ([, to, build]) => {
  const { folder, configFile, data, remove } = await engineFolder(config);
  onTestFinished(remove);
  const engine = await startEngineProcess({ configFile, data });
  onTestFinished(() => engine.kill());
  const transport = createTransport({ host: engine.host, port: engine.port, ignoreTLS: true, name: "mx.example.net" });
  const send = (raw: Buffer) =>
    transport.sendMail({ envelope: { from: "sender@example.net", to: [...to] }, raw }).catch((error: unknown) => error);

  const raw = build(limitBytes);
  expect(raw.length).toBe(limitBytes);
  const { response } = (await send(raw)) as { response: string };
  expect(response).toMatch(/^250 OK [0-9a-z]{40}/);
  const id = /^250 OK ([0-9a-z]+)/.exec(response)?.[1] ?? "";
  await untilEnded(data, 120_000);
  const peakBytes = await engine.peakBytes();
  console.info(`peak ${(peakBytes / 1e6).toFixed(0)} MB, ready after ${engine.readyMs.toFixed(0)} ms`);

  const messages = await listed(data);
  expect(faultsOf(messages, new Map([[id, to]]))).toEqual([]);
  expect(messages.get(id)?.recipients.map(({ state }) => state)).toEqual(to.map(() => "done"));
  expect(peakBytes).toBeLessThan(memoryBytes);

  const out = join(folder, "raw.eml");
  expect(await mailweir(["raw", id, "--without-ses-block", "--out", out, "--data", data])).toMatchObject({ code: 0 });
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(out)) hash.update(chunk as Buffer);
  expect(hash.digest("hex")).toBe(createHash("sha256").update(raw).digest("hex"));

  // The reply to the data itself, since nodemailer declares no SIZE for a raw message.
  expect(await send(build(limitBytes + 1))).toMatchObject({
    responseCode: 552,
    response: expect.stringContaining("5.3.4"),
  });
  expect((await listed(data)).size).toBe(1);
  expect(await engine.peakBytes()).toBeLessThan(memoryBytes);
  expect(await engine.stop()).toBe(0);
});

const headers = (type: string) =>
  `From: Sender <sender@example.net>\r\nTo: support@example.com\r\nSubject: big\r\nMessage-ID: <big@example.net>\r\n${type}\r\n`;

function withAttachment(sizeBytes: number): Buffer {
  const head =
    `${headers('MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n')}` +
    "--b\r\nContent-Type: text/plain\r\n\r\nThe film is attached.\r\n" +
    '--b\r\nContent-Type: video/mp4; name="film.mp4"\r\nContent-Disposition: attachment; filename="film.mp4"\r\n' +
    "Content-Transfer-Encoding: base64\r\n\r\n";
  return filled(head, `${"QUJD".repeat(19)}\r\n`, "\r\n--b--\r\n", sizeBytes);
}

function linesOfDots(sizeBytes: number): Buffer {
  return filled(headers(""), "..\r\n.\r\n.a line that begins with a dot\r\n", "\r\nend\r\n", sizeBytes);
}

function oneLongText(sizeBytes: number): Buffer {
  return filled(headers("Content-Type: text/html; charset=utf-8\r\n"), "<p>grün &amp; <b>", "\r\n", sizeBytes);
}

/** Head and tail with as much of the pattern between them as gives exactly the size; what is left over is filled with "x". */
function filled(head: string, pattern: string, tail: string, sizeBytes: number): Buffer {
  const room = sizeBytes - Buffer.byteLength(head) - Buffer.byteLength(tail);
  const unit = Buffer.from(pattern);
  const whole = Math.floor(room / unit.length);
  const body = Buffer.alloc(whole * unit.length, unit);
  return Buffer.concat([Buffer.from(head), body, Buffer.alloc(room - body.length, "x"), Buffer.from(tail)]);
}
