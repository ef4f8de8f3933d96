import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect as connectPlain } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { fuzzRuns } from "../../fuzz-runs.ts";
import { fc } from "../../property.ts";
import { startLibrarySmtp } from "./library-server.ts";
import { dial, type Endpoint, greeted, rule, startEndpoint } from "./receiving-endpoint.ts";

/**
 * Our protocol beside the library that it took the place of: the same octets in the same packets to both, the same replies,
 * messages and refusals from both. What differs on purpose is at the end of this file.
 */
let ours: Endpoint;
let theirs: Endpoint;
const startBoth = async (options: Parameters<typeof startEndpoint>[1] = {}) => {
  const receiving = {
    ruleSet: { name: "mailweir", rules: [rule("some", ["shop.example"]), rule("tls", [], { tlsPolicy: "Require" })] },
    verifiedDomains: ["shop.example", "tls.example"],
  };
  ours = await startEndpoint(receiving, options);
  theirs = await startEndpoint(receiving, { ...options, server: startLibrarySmtp });
};
afterEach(async () => {
  await Promise.all([ours.stop(), theirs.stop()]);
});

type Packets = readonly Buffer[];

/** Sends one packet after the other, reads until the server closes. */
async function talk(endpoint: Endpoint, packets: Packets): Promise<string> {
  const socket = connectPlain({ ...endpoint.smtp.address, noDelay: true });
  let heard = "";
  const closed = once(socket, "close");
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    heard += chunk.toString("latin1");
  });
  while (!heard.endsWith("\r\n")) await once(socket, "data");
  for (const packet of packets) {
    if (!socket.writable) break;
    await new Promise((resolve) => socket.write(packet, resolve));
  }
  await closed;
  return heard.replace(/250 OK [0-9a-v]{40}/g, "250 OK <id>");
}

/** What the endpoint kept, whatever the order. */
async function kept({ accepted, refusals }: Endpoint): Promise<string[]> {
  const messages = await Promise.all(
    accepted.map(async ({ message: { sesMessageId: _, ...message }, raw }) => {
      const octets = raw.kind === "inline" ? Buffer.from(raw.bytes) : await readFile(raw.path);
      return JSON.stringify({ message, raw: octets.toString("latin1") });
    }),
  );
  return [...messages, ...refusals.map((refusal) => JSON.stringify(refusal))].sort();
}

// Whatever state a dialogue is in, this ends it.
const ending = "\r\n.\r\nRSET\r\nQUIT\r\n";

const usual = fc.constantFrom(
  "EHLO mx.sender.example\r\n",
  "HELO mx.sender.example\r\n",
  "MAIL FROM:<ann@sender.example>\r\n",
  "MAIL FROM:<> SIZE=10 BODY=8BITMIME\r\n",
  "RCPT TO:<a@shop.example>\r\n",
  "RCPT TO:<b@shop.example>\r\n",
  "RCPT TO:<A@SHOP.example>\r\n",
  "RCPT TO:<c@tls.example>\r\n",
  "RCPT TO:<d@elsewhere.example>\r\n",
  "DATA\r\n",
  "DATA\r\nSubject: a\r\n\r\nb\r\n.\r\n",
  "Subject: a\r\n\r\nb\r\n.\r\n",
  "Received: a\r\n..b\r\n.c\r\n.\r\n",
  "RSET\r\n",
  "NOOP\r\n",
);
const odd = fc.constantFrom(
  "MAIL FROM:<ann@sender.example>\n",
  "rcpt to: <a@shop.example>\r\n",
  "MAIL FROM:ann@sender.example\r\n",
  "MAIL FROM:<ann>\r\n",
  "MAIL FROM:<a@sender.example> SIZE=many\r\n",
  "MAIL FROM:<a@sender.example> SIZE=99999999999\r\n",
  "MAIL FROM:<a@sender.example> SIZE\r\n",
  "MAIL FROM:<a@sender.example> BODY=7BIT BODY=7bit\r\n",
  "MAIL FROM:<a@sender.example> BODY= SIZE=1\r\n",
  "MAIL FROM:<a@sender.example> SIZE=1 SIZE=2 SMTPUTF8\r\n",
  "MAIL FROM:<a@sender.example>x\r\n",
  "MAIL FROM:<@relay.example:a@sender.example>\r\n",
  "RCPT TO:<>\r\n",
  "RCPT TO:<a b@shop.example>\r\n",
  'RCPT TO:<"a b"@shop.example>\r\n',
  "RCPT TO:<a@shop.example> NOTIFY=NEVER\r\n",
  "RCPT TO:<a@[127.0.0.1]>\r\n",
  "RCPT TO:<postmaster>\r\n",
  "RCPT TO:<\xc3\xa9@shop.example>\r\n",
  "RCPT TO:<\xe9@shop.example>\r\n",
  "EHLO\r\n",
  "EHLO a b\r\n",
  "HELO\r\n",
  "HELO a b\r\n",
  `EHLO ${"a".repeat(301)}\r\n`,
  "EHLO a\x01b\r\n",
  "STARTTLS now\r\n",
  "VRFY a\r\n",
  "VRFY\r\n",
  "HELP\r\n",
  "HELP me\r\n",
  "AUTH PLAIN AGEAYg==\r\n",
  "XCLIENT ADDR=203.0.113.9\r\n",
  "XFORWARD ADDR=203.0.113.9\r\n",
  "LHLO a\r\n",
  "BDAT 3 LAST\r\n",
  "WIZ a\r\n",
  "DATA now\r\n",
  "QUIT now\r\n",
  "NOOP now\r\n",
  "GET / HTTP/1.1\r\n",
  "POST /a HTTP/1.0\r\nHost: shop.example\r\n\r\n",
  "MAIL\tFROM:<a@sender.example>\r\n",
  " NOOP\r\n",
  "NOOP \r\n",
  "\r\n",
  "\n",
  "\r",
  "\0\xff\r\n",
  "r\u017fet\r\n",
  ".\r\n",
  "\n.\n",
  "\r.\r",
  "\r\n.\r",
  "\r\n.\n",
  "\r\n.\r\n",
  "..\r\n",
  "a".repeat(4_096),
  `NOOP ${"a".repeat(4_091)}\r\n`,
  `NOOP ${"a".repeat(4_092)}\r\n`,
  `${"Received: a\r\n".repeat(101)}\r\n.\r\n`,
  `${`${"a".repeat(70)}\r\n`.repeat(1_000)}.\r\n`,
  // Too large, but not by so much that the connection ends: when that happens depends on the size of the pieces read.
  `${`.${"a".repeat(70)}\r\n`.repeat(2_000)}.\r\n`,
  "NOOP\r\n".repeat(250),
);
const started = ["EHLO mx.sender.example\r\n", "MAIL FROM:<ann@sender.example>\r\n", "RCPT TO:<a@shop.example>\r\n"];

/** Octets of a whole dialogue, and where packets end in it. */
const dialogues = fc
  .record({
    start: fc.integer({ min: 0, max: started.length }),
    words: fc.array(fc.oneof({ weight: 3, arbitrary: usual }, { weight: 2, arbitrary: odd }), { maxLength: 14 }),
    cuts: fc.oneof(fc.constant<number[]>([]), fc.array(fc.nat(400), { maxLength: 12 })),
    together: fc.boolean(),
  })
  .map(({ start, words, cuts, together }): Packets => {
    const pieces = [...started.slice(0, start), ...words, ending].map((word) => Buffer.from(word, "latin1"));
    const packets = together ? [Buffer.concat(pieces)] : pieces;
    return packets.flatMap((packet, index) => {
      const at = [...new Set(cuts.map((cut) => (cut * (index + 1)) % (packet.length + 1)))].sort((a, b) => a - b);
      return [0, ...at].map((from, part) => packet.subarray(from, at[part] ?? packet.length));
    });
  });

test("thousands of dialogues, hostile ones among them, in any packets: the same replies, messages and refusals", async () => {
  await startBoth({ limits: { messageBytes: 100_000, recipients: 2, connections: 100, unfinished: 1_000_000 } });
  const all = fc.sample(dialogues, fuzzRuns(5321, 2_000));
  let differing = 0;
  for (let from = 0; from < all.length; from += 25) {
    await Promise.all(
      all.slice(from, from + 25).map(async (packets) => {
        const [mine, reference] = await Promise.all([talk(ours, packets), talk(theirs, packets)]);
        if (mine !== reference) differing += 1;
        if (differing < 3) expect(mine, Buffer.concat(packets).toString("latin1").slice(0, 2_000)).toBe(reference);
      }),
    );
  }
  const reference = await kept(theirs);
  expect(reference.length).toBeGreaterThan(all.length / 5);
  expect(await kept(ours)).toEqual(reference);
}, 300_000);

test("under TLS too: what is offered, what is forgotten, what is accepted", async () => {
  await startBoth();
  const heard = async (endpoint: Endpoint) => {
    const client = await greeted(endpoint.smtp, "ann@sender.example");
    await client.say("STARTTLS\r\n");
    const secure = connectTls({ socket: client.socket, rejectUnauthorized: false });
    await once(secure, "secureConnect");
    let all = "";
    secure.on("data", (chunk) => {
      all += chunk;
    });
    const closed = once(secure, "close");
    secure.write("RCPT TO:<c@tls.example>\r\nMAIL FROM:<a@sender.example>\r\nEHLO mx.sender.example\r\nSTARTTLS\r\n");
    secure.write("MAIL FROM:<a@sender.example>\r\nRCPT TO:<c@tls.example>\r\nDATA\r\na\r\n.\r\nQUIT\r\n");
    await closed;
    return all.replace(/250 OK [0-9a-v]{40}/g, "250 OK <id>");
  };
  const reference = await heard(theirs);
  expect(reference).toContain("250 OK <id>");
  expect(await heard(ours)).toBe(reference);
  expect(await kept(ours)).toEqual(await kept(theirs));
});

test("who talks before the greeting, and who comes when all connections are taken", async () => {
  await startBoth({ limits: { connections: 1 } });
  const heard = async (endpoint: Endpoint) => {
    const first = await dial(endpoint.smtp);
    const greeting = await first.reply();
    const second = await dial(endpoint.smtp);
    const refused = await second.reply();
    await second.ended;
    first.socket.destroy();
    while (endpoint.smtp.connections() > 0) await new Promise(setImmediate);
    return [greeting, refused];
  };
  expect(await heard(ours)).toEqual(await heard(theirs));
});

test("what differs on purpose: replies to pipelined commands leave in one packet (RFC 2920 §3.2)", async () => {
  await startBoth();
  const packets = async (endpoint: Endpoint) => {
    const client = await greeted(endpoint.smtp);
    let count = 0;
    client.socket.on("data", () => {
      count += 1;
    });
    const pipelined = "NOOP\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<a@shop.example>\r\nDATA\r\n";
    await client.write(pipelined);
    for (let reply = 0; reply < 4; reply += 1) await client.reply();
    return count;
  };
  expect(await packets(ours)).toBe(1);
});

test("what differs on purpose: a command that follows a shutdown hears why in the words of our other 421", async () => {
  await startBoth();
  const heard = async (endpoint: Endpoint) => {
    const client = await greeted(endpoint.smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    const closing = endpoint.smtp.close({ drainMs: 30_000 });
    const accepted = await client.say("a\r\n.\r\n");
    const last = await client.say("NOOP\r\n");
    await client.ended;
    await closing;
    return [accepted.slice(0, 6), last];
  };
  expect(await heard(ours)).toEqual(["250 OK", "421 4.3.2 Shutting down, try again later"]);
  expect(await heard(theirs)).toEqual(["250 OK", "421 Server shutting down"]);
  await startBoth();
});
