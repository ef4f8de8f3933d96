import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { clamdScanner } from "../../../local/scan/clamd-scanner.ts";
import { combineScanners, createScanner } from "../../../local/scan/create-scanner.ts";
import { rspamdScanner } from "../../../local/scan/rspamd-scanner.ts";
import type { Scanner, ScanResult } from "../../../local/scan/scanner.ts";
import { spamdScanner } from "../../../local/scan/spamd-scanner.ts";

interface Daemon {
  readonly host: string;
  readonly port: number;
  /** All that the client has sent. */
  heard(): string;
}

/** A daemon on loopback that does with a connection what the test says. */
async function daemon(serve: (socket: Socket, heard: () => string) => void): Promise<Daemon> {
  const sockets = new Set<Socket>();
  let received = "";
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    serve(socket, () => received);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { host: "127.0.0.1", port: address.port, heard: () => received };
}

/** Answers once what was heard ends as `when` says. */
const answering = (when: (heard: string) => boolean, answer: string) =>
  daemon((socket, heard) => {
    let answered = false;
    const look = () => {
      if (answered || !when(heard())) return;
      answered = true;
      socket.end(answer, "latin1");
    };
    socket.on("data", look);
    socket.on("end", look);
  });

const context = {
  ip: "192.0.2.10",
  helo: "mx.example.org",
  mailFrom: "ann@example.org",
  recipients: ["bob@example.com"],
};
const message = "From: ann@example.org\r\nSubject: x\r\n\r\nhello\r\n";
const raw = async function* () {
  yield Buffer.from(message.slice(0, 10));
  yield Buffer.from("");
  yield Buffer.from(message.slice(10));
};

describe("clamd", () => {
  const ended = (heard: string) => heard.endsWith("\0\0\0\0");
  test.for<[string, string, string, RegExp]>([
    ["OK", "stream: OK\0", "PASS", /OK/],
    ["a signature", "stream: Eicar-Test-String.UNOFFICIAL FOUND\0", "FAIL", /Eicar-Test-String/],
    ["a heuristic", "stream: Heuristics.Phishing.Email.SpoofedDomain FOUND\0", "GRAY", /Heuristics/],
    ["unwanted software", "stream: PUA.Win.Tool.X FOUND\0", "GRAY", /PUA/],
    ["too large for it", "INSTREAM size limit exceeded. ERROR\0", "PROCESSING_FAILED", /size limit exceeded/],
    ["an answer without its end", "stream: OK", "PASS", /OK/],
    ["nonsense", "HTTP/1.1 400 Bad Request\r\n\r\n", "PROCESSING_FAILED", /unexpected answer "HTTP/],
    ["silence and a closed door", "", "PROCESSING_FAILED", /hung up/],
    ["words without end", "x".repeat(400_000), "PROCESSING_FAILED", /without end/],
  ])("%s", async ([, answer, virus, detail]) => {
    const clamd = await answering(ended, answer);
    const result = await clamdScanner(clamd).scan(raw, context);
    expect(result).toEqual({ virus, detail: expect.stringMatching(detail) });
  });

  test("what it is sent: chunks with their lengths, and an empty one", async () => {
    const clamd = await answering(ended, "stream: OK\0");
    await clamdScanner(clamd).scan(raw, context);
    expect(clamd.heard()).toBe(
      `zINSTREAM\0\0\0\0\x0a${message.slice(0, 10)}\0\0\0${String.fromCharCode(message.length - 10)}${message.slice(10)}\0\0\0\0`,
    );
  });

  test("one that answers and hangs up before it has heard all", async () => {
    const clamd = await answering((heard) => heard.length > 100_000, "INSTREAM size limit exceeded. ERROR\0");
    const endless = async function* () {
      for (let at = 0; at < 500; at += 1) yield Buffer.alloc(65_536);
    };
    expect(await clamdScanner(clamd).scan(endless, context)).toMatchObject({ virus: "PROCESSING_FAILED" });
  });
});

describe("spamd", () => {
  const complete = (heard: string) => {
    const length = /Content-length: (\d+)\r\n\r\n/.exec(heard);
    return length !== null && heard.length >= length.index + length[0].length + Number(length[1]);
  };
  const scored = (line: string) => `SPAMD/1.1 0 EX_OK\r\nContent-length: 12\r\n${line}\r\n\r\nA_RULE,B_RULE`;
  test.for<[string, string, string, RegExp]>([
    ["spam", scored("Spam: True ; 1001.3 / 5.0"), "FAIL", /score 1001\.3 of 5\.0, A_RULE,B_RULE/],
    ["ham", scored("Spam: False ; -0.1 / 5.0"), "PASS", /score -0\.1 of 5\.0/],
    ["nearly spam", scored("Spam: False ; 3.0 / 5.0"), "GRAY", /score 3\.0/],
    ["not nearly spam", scored("Spam: False ; 2.9 / 5.0"), "PASS", /score 2\.9/],
    ["a refusal", "SPAMD/1.1 76 EX_PROTOCOL\r\n\r\n", "PROCESSING_FAILED", /refused: EX_PROTOCOL/],
    ["no verdict in the answer", "SPAMD/1.1 0 EX_OK\r\n\r\n", "PROCESSING_FAILED", /no Spam line/],
    ["nonsense", "220 mail.example ESMTP\r\n", "PROCESSING_FAILED", /unexpected answer/],
    ["silence and a closed door", "", "PROCESSING_FAILED", /hung up/],
  ])("%s", async ([, answer, spam, detail]) => {
    const spamd = await answering(complete, answer);
    expect(await spamdScanner(spamd).scan(raw, context)).toEqual({ spam, detail: expect.stringMatching(detail) });
  });

  test("what it is sent: our own trace, which a HELO cannot break out of, and the message", async () => {
    const spamd = await answering(complete, scored("Spam: False ; 0 / 5"));
    const clock = { now: () => new Date("2026-08-04T09:15:02Z") };
    await spamdScanner(spamd, clock).scan(raw, { ...context, helo: "mx (x)\r\nX-Evil: 1" });
    expect(spamd.heard()).toMatch(
      /^SYMBOLS SPAMC\/1\.5\r\nContent-length: \d+\r\n\r\nX-Envelope-From: <ann@example\.org>\r\nReceived: from mxxX-Evil:1 \(mxxX-Evil:1 \[192\.0\.2\.10\]\)\r\n\tby localhost with SMTP id mailweir;\r\n\tTue, 04 Aug 2026 09:15:02 \+0000\r\nFrom: /,
    );
    expect(spamd.heard().endsWith(message)).toBe(true);
  });

  test("of a large message it is sent the beginning, and the result says so", async () => {
    const spamd = await answering(complete, scored("Spam: False ; 0 / 5"));
    const large = async function* () {
      for (let at = 0; at < 20; at += 1) yield Buffer.alloc(65_536, "x");
    };
    expect((await spamdScanner(spamd).scan(large, context)).detail).toContain("first 512000 octets");
    expect(spamd.heard().length).toBeLessThan(513_000);
  });
});

describe("rspamd", () => {
  const complete = (heard: string) => heard.endsWith(message);
  const json = (body: unknown) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`;
  };
  const verdict = (action: string, score = 1.5) =>
    json({ action, score, required_score: 15, symbols: { R_SPF_ALLOW: {} } });
  test.for<[string, string, string, RegExp]>([
    ["no action", verdict("no action"), "PASS", /no action, score 1\.5 of 15, R_SPF_ALLOW/],
    ["greylist", verdict("greylist", 4), "GRAY", /greylist/],
    ["soft reject", verdict("soft reject"), "GRAY", /soft reject/],
    ["add header", verdict("add header", 7), "FAIL", /add header/],
    ["reject", verdict("reject", 20), "FAIL", /reject/],
    [
      "one rule was enough",
      json({ action: "reject", is_skipped: true, symbols: { GTUBE: {} } }),
      "FAIL",
      /reject, GTUBE/,
    ],
    ["a message that it skipped", json({ action: "no action", is_skipped: true }), "PROCESSING_FAILED", /skipped/],
    ["an action unknown to us", verdict("dance"), "PROCESSING_FAILED", /knows no action/],
    ["no JSON", json("hello"), "PROCESSING_FAILED", /unexpected answer/],
    ["an error", "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno", "PROCESSING_FAILED", /answered 500: no/],
    ["an answer that breaks off", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", "PROCESSING_FAILED", /broke off/],
    [
      "words without end",
      `HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n${"x".repeat(2_000_000)}`,
      "PROCESSING_FAILED",
      /without end/,
    ],
    ["no HTTP", "SPAMD/1.1 0 EX_OK\r\n\r\n", "PROCESSING_FAILED", /cannot be reached/],
    ["silence and a closed door", "", "PROCESSING_FAILED", /cannot be reached/],
  ])("%s", async ([, answer, spam, detail]) => {
    const rspamd = await answering(complete, answer);
    expect(await rspamdScanner(rspamd).scan(raw, context)).toEqual({ spam, detail: expect.stringMatching(detail) });
  });

  test("what it is sent: the transaction as headers, the length, the message", async () => {
    const rspamd = await answering(complete, verdict("no action"));
    await rspamdScanner(rspamd).scan(raw, { ...context, mailFrom: "", recipients: ["a@example.com", "b@example.com"] });
    expect(rspamd.heard()).toMatch(/^POST \/checkv2 HTTP\/1\.1\r\n/);
    for (const line of [
      `Content-Length: ${message.length}`,
      "IP: 192.0.2.10",
      "Helo: mx.example.org",
      "From: <>",
      "Rcpt: a@example.com",
      "Rcpt: b@example.com",
    ]) {
      expect(rspamd.heard()).toContain(`\r\n${line}\r\n`);
    }
  });
});

describe("any daemon", () => {
  const scanners: readonly [
    string,
    "spam" | "virus",
    (daemon: { host: string; port: number; timeoutMs: number }) => Scanner,
  ][] = [
    ["clamd", "virus", clamdScanner],
    ["spamd", "spam", spamdScanner],
    ["rspamd", "spam", rspamdScanner],
  ];

  test.for(scanners)("%s that is not there", async ([, verdict, create]) => {
    const gone = await daemon(() => {});
    const port = await freePort();
    const result = await create({ host: gone.host, port, timeoutMs: 5000 }).scan(raw, context);
    expect(result).toEqual({
      [verdict]: "PROCESSING_FAILED",
      detail: expect.stringContaining("cannot be reached: ECONNREFUSED"),
    });
  });

  test.for(scanners)("%s that never answers", async ([, verdict, create]) => {
    const mute = await daemon(() => {});
    const result = await create({ ...mute, timeoutMs: 50 }).scan(raw, context);
    expect(result).toEqual({
      [verdict]: "PROCESSING_FAILED",
      detail: expect.stringContaining("did not answer within 50 ms"),
    });
  });

  test.for(scanners)("%s, and the engine stops meanwhile: no verdict is invented", async ([, , create]) => {
    const mute = await daemon(() => {});
    const controller = new AbortController();
    const scan = create({ ...mute, timeoutMs: 60_000 }).scan(raw, context, controller.signal);
    controller.abort(new Error("stopping"));
    await expect(scan).rejects.toThrow("stopping");
  });

  test.for(scanners)("%s, and the message cannot be read", async ([, , create]) => {
    const mute = await daemon(() => {});
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("From: a@example.org\r\n");
      throw new Error("EIO: spool");
    };
    await expect(create({ ...mute, timeoutMs: 5000 }).scan(broken, context)).rejects.toThrow("EIO: spool");
  });
});

test("verdicts of two scanners are joined", async () => {
  const fixed = (result: ScanResult): Scanner => ({ scan: async () => result });
  const both = combineScanners([fixed({ spam: "GRAY", detail: "one" }), fixed({ virus: "FAIL", detail: "two" })]);
  expect(await both.scan(raw, context)).toEqual({ spam: "GRAY", virus: "FAIL", detail: "one; two" });
});

test("the configuration names the scanners", async () => {
  const clamd = await answering((heard) => heard.endsWith("\0\0\0\0"), "stream: OK\0");
  const { host, port } = clamd;
  expect(
    await createScanner({ spam: { type: "test-string" }, virus: { type: "test-string" } }).scan(raw, context),
  ).toMatchObject({ spam: "PASS", virus: "PASS" });
  const mixed = await createScanner({ spam: { type: "test-string" }, virus: { type: "clamd", host, port } }).scan(
    raw,
    context,
  );
  expect(mixed).toEqual({
    spam: "PASS",
    virus: "PASS",
    detail: "test strings only, no scanner: GTUBE not found; clamd: OK",
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return address !== null && typeof address === "object" ? address.port : 0;
}
