/**
 * The load generator: plain SMTP over kept-open connections, a reply awaited for each command, as `smtp-source` does it.
 * `node bench/measure/send-mails.ts <port> <sessions> <folder of mails | -> <count> <bytes> <reconnect> <mails a second | 0>`
 * Says `ready` on stdout, sends when a line comes on stdin, says the seconds it took.
 */
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";

interface Mail {
  readonly from: string;
  readonly to: string;
  readonly data: Buffer;
}

const [port, sessions, folder = "-", count, bytes, reconnect, perSecond = "0"] = process.argv.slice(2);
const mails = folder === "-" ? plainMails(Number(bytes)) : readMails(folder);
const total = Number(count);
let next = 0;
let failed: string | undefined;

process.stdout.write("ready\n");
await new Promise((resolve) => process.stdin.once("data", resolve));
process.stdin.pause();
const began = performance.now();
await Promise.all(Array.from({ length: Number(sessions) }, session));
process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - began) / 1_000, failed })}\n`);

function session(): Promise<void> {
  return new Promise((resolve) => {
    const open = () => {
      const socket = connect(Number(port), "127.0.0.1").setNoDelay(true);
      // What each reply is the answer to.
      let step = 0;
      let mail: Mail | undefined;
      let seen = "";
      const say = (words: string | Buffer) => socket.write(words);
      const end = (again: boolean) => {
        socket.destroy();
        if (again) open();
        else resolve();
      };
      const on = (reply: string) => {
        const good = step === 4 ? "354" : "2";
        if (!reply.startsWith(good)) {
          failed ??= reply;
          end(false);
          return;
        }
        if (step === 0) say("EHLO client.example\r\n");
        if (step === 1 || step === 5) {
          if (step === 5 && reconnect === "true") {
            say("QUIT\r\n");
            end(next < total);
            return;
          }
          mail = next < total ? mails[next % mails.length] : undefined;
          next += 1;
          if (!mail) {
            say("QUIT\r\n");
            end(false);
            return;
          }
          step = 2;
          inTurn(() => say(`MAIL FROM:<${mail?.from}>\r\n`));
          return;
        }
        if (step === 2) say(`RCPT TO:<${mail?.to}>\r\n`);
        if (step === 3) say("DATA\r\n");
        if (step === 4 && mail) say(mail.data);
        step += 1;
      };
      listen(socket, (text) => {
        seen += text;
        for (let at = seen.indexOf("\r\n"); at !== -1; at = seen.indexOf("\r\n")) {
          const line = seen.slice(0, at);
          seen = seen.slice(at + 2);
          if (line[3] !== "-") on(line);
        }
      });
      socket.on("error", (error) => {
        failed ??= error.message;
        resolve();
      });
    };
    open();
  });
}

/** Calls back when it is this mail's turn: at once, or at its part of a steady rate. */
function inTurn(start: () => void): void {
  const rate = Number(perSecond);
  const due = rate === 0 ? 0 : began + ((next - 1) / rate) * 1_000 - performance.now();
  if (due > 0) setTimeout(start, due);
  else start();
}

function listen(socket: Socket, heard: (text: string) => void): void {
  socket.on("data", (chunk: Buffer) => heard(chunk.toString("latin1")));
}

/** `<name>.json` holds the envelope beside `<name>.eml`. */
function readMails(from: string): Mail[] {
  return readdirSync(from)
    .filter((name) => name.endsWith(".eml"))
    .map((name) => {
      const envelope = JSON.parse(readFileSync(join(from, name.replace(".eml", ".json")), "utf8")) as Mail;
      const text = readFileSync(join(from, name), "latin1").replace(/^\./gm, "..");
      return { ...envelope, data: Buffer.from(`${text}.\r\n`, "latin1") };
    });
}

function plainMails(size: number): Mail[] {
  const header = "From: <sender@client.example>\r\nTo: <user@in.example>\r\nSubject: load\r\n\r\n";
  const line = `${"The quick brown fox jumps over the lazy dog. ".repeat(2).slice(0, 70)}\r\n`;
  const body = line.repeat(Math.max(1, Math.floor((size - header.length) / line.length)));
  return [{ from: "sender@client.example", to: "user@in.example", data: Buffer.from(`${header}${body}.\r\n`) }];
}
