import { request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { createMailLinks } from "../../../shared/delivery/mail-link.ts";
import type { SesMessageId } from "../../../shared/ses-message-id.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "./console-engine.ts";

const linkUrl = "https://mail.example.com";

async function start() {
  const running = await startConsoleEngine({
    streams: {
      personal: { recipients: ["example.com"], delivery: { "ann@example.com": { forward: "ann@away.example" } } },
    },
    personal: { forwarding: { maxBytes: 10_000, linkUrl } },
  });
  onTestFinished(() => running.close());
  return running;
}

/** The path of the link in the one notice that was written. */
async function noticed({ engine }: ConsoleEngine): Promise<string> {
  const { outbox } = engine.store.ports;
  const [notice] = await outbox.list({ limit: 10 });
  let text = "";
  for await (const chunk of outbox.open(notice!.number)!) text += Buffer.from(chunk).toString();
  const unfolded = text.replace(/=\r\n/g, "");
  return new RegExp(`${linkUrl}(/m/[a-z2-7]+)`).exec(unfolded)![1]!;
}

test("a mail that is too large to forward: its notice's link brings it octet for octet, as a file", async () => {
  const running = await start();
  const sent = `${mail("Large")}${"line of text\r\n".repeat(2000)}`;
  const id = await running.send(sent, ["ann@example.com"]);
  await running.ended();
  const path = await noticed(running);
  const response = await running.fetch(path);
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(sent);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "message/rfc822",
    "content-disposition": `attachment; filename="${id}.eml"`,
    "content-length": String(sent.length),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  const head = await running.fetch(path, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  expect((await running.fetch(path, { method: "POST" })).status).toBe(405);
  // People reach it under another name than this machine's.
  const { port, hostname } = new URL(running.engine.http);
  const status = await new Promise((resolve) =>
    request({ port, hostname, path, headers: { host: "mail.example.com" } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).end(),
  );
  expect(status).toBe(200);
});

test("links that expired, were changed, or name no mail bring nothing", async () => {
  const running = await start();
  const id = (await running.send(mail("Small"), ["bob@example.com"])) as SesMessageId;
  const links = createMailLinks(await running.engine.ports.secrets.keyRing());
  const soon = new Date(Date.now() + 60_000);
  const good = links.sign(id, soon)!;
  expect((await running.fetch(`/m/${good}`)).status).toBe(200);
  expect((await running.fetch(`/m/${links.sign(id, new Date(Date.now() - 1000))}`)).status).toBe(410);
  const other = `${id.slice(0, 20)}${id[20] === "0" ? "1" : "0"}${id.slice(21)}` as SesMessageId;
  expect((await running.fetch(`/m/${links.sign(other, soon)}`)).status).toBe(410);
  for (let at = 1; at < good.length; at += 7) {
    const changed = good.slice(0, at) + (good[at] === "a" ? "b" : "a") + good.slice(at + 1);
    expect((await running.fetch(`/m/${changed}`)).status, changed).toBe(404);
  }
  for (const path of ["/m/", "/m/x", "/m/../api/status"]) expect((await running.fetch(path)).status).not.toBe(500);
});

test("whoever tries links is slowed down, whoever has one is not", async () => {
  const running = await start();
  const id = (await running.send(mail("Small"), ["bob@example.com"])) as SesMessageId;
  const links = createMailLinks(await running.engine.ports.secrets.keyRing());
  const good = links.sign(id, new Date(Date.now() + 60_000))!;
  const statuses: number[] = [];
  for (let tries = 0; tries < 40; tries++) statuses.push((await running.fetch(`/m/a${tries}`)).status);
  expect(statuses.slice(0, 30)).toEqual(Array.from({ length: 30 }, () => 404));
  expect(statuses.slice(30)).toEqual(Array.from({ length: 10 }, () => 429));
  expect((await running.fetch(`/m/${good}`)).status).toBe(200);
});
