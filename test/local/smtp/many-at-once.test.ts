import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createTransport } from "nodemailer";
import { afterEach, expect, test } from "vitest";
import { dial, type Endpoint, startEndpoint } from "./receiving-endpoint.ts";

let endpoint: Endpoint;
afterEach(() => endpoint.stop());

/** Octets of its own for each number, with dots at the beginning of lines. */
function message(number: number, sizeBytes: number): Buffer {
  const line = `${number % 3 === 0 ? "." : ""}${String(number)
    .padStart(4, "0")
    .repeat(1 + (number % 17))}\r\n`;
  const body = line.repeat(Math.ceil(sizeBytes / line.length));
  return Buffer.from(`Subject: ${number}\r\n\r\n${body}`);
}

const hash = (octets: Uint8Array) => createHash("sha256").update(octets).digest("hex");

// Sockets share the buffer that they are read into, and messages those that they are collected in.
test("messages of many clients at once, small and large, in clear and under TLS: each is stored as it was sent", async () => {
  endpoint = await startEndpoint({}, { limits: { connections: 100 } });
  const { smtp, accepted } = endpoint;
  const sent: string[] = [];
  const sizes = [10, 4_000, 9_000, 30_000, 65_000, 66_000, 100_000, 131_072, 200_000, 600_000];
  const clear = async (client: number) => {
    const { write, reply, socket } = await dial(smtp);
    await reply();
    await write("EHLO mx.sender.example\r\n");
    await reply();
    for (let mail = 0; mail < 6; mail += 1) {
      const octets = message(client * 100 + mail, sizes[(client + mail) % sizes.length] ?? 0);
      sent.push(hash(octets));
      const stuffed = octets.toString("latin1").replace(/^\./gm, "..");
      const envelope = "MAIL FROM:<a@sender.example>\r\nRCPT TO:<a@shop.example>\r\nDATA\r\n";
      // Every other one without waiting for a reply.
      if (mail % 2 === 0) void write(`${envelope}${stuffed}.\r\n`);
      else {
        void write(envelope);
        void write(stuffed);
        void write(".\r\n");
      }
      for (let replies = 0; replies < 4; replies += 1) await reply();
    }
    socket.destroy();
  };
  const secure = async (client: number) => {
    const transport = createTransport({
      ...smtp.address,
      requireTLS: true,
      tls: { rejectUnauthorized: false },
    });
    const octets = message(client * 100, 300_000);
    sent.push(hash(octets));
    await transport.sendMail({ envelope: { from: "a@sender.example", to: ["a@shop.example"] }, raw: octets });
  };
  await Promise.all(Array.from({ length: 20 }, (_, client) => (client % 5 === 4 ? secure(client) : clear(client))));
  const stored = await Promise.all(
    accepted.map(async ({ raw }) => hash(raw.kind === "inline" ? raw.bytes : await readFile(raw.path))),
  );
  expect(stored.sort()).toEqual(sent.sort());
}, 120_000);
