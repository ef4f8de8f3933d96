import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MailAnswer } from "../../../local/console/mail-api.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "./console-engine.ts";

let running: ConsoleEngine;
beforeAll(async () => {
  running = await startConsoleEngine();
});
afterAll(() => running.close());

const png = Buffer.from("iVBORw0KGgo=", "base64");

function withParts(html: string): string {
  const file = Buffer.from("a,b\r\n1,2\r\n");
  return [
    "From: Ann <ann@sender.example>",
    "To: support@example.com",
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
    "Message-ID: <parts@sender.example>",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="m"',
    "",
    "--m",
    'Content-Type: multipart/related; boundary="r"',
    "",
    "--r",
    "Content-Type: text/html; charset=utf-8",
    "",
    html,
    "--r",
    "Content-Type: image/png",
    "Content-ID: <logo@sender.example>",
    "Content-Transfer-Encoding: base64",
    "",
    png.toString("base64"),
    "--r--",
    "--m",
    'Content-Type: text/csv; name="a b.csv"',
    "Content-Disposition: attachment",
    "Content-Transfer-Encoding: base64",
    "",
    file.toString("base64"),
    "--m--",
    "",
  ].join("\r\n");
}

const answer = async (id: string) => (await (await running.fetch(`/api/messages/${id}/mail`)).json()) as MailAnswer;

test("what the author wrote stands apart from quotation and signature", async () => {
  const body = "It works now.\r\n\r\nOn 3 August 2026, Support wrote:\r\n> Does it open?\r\n\r\n-- \r\nAnn";
  const id = await running.send(mail("Re: Broken door", body), ["support@example.com"]);
  const { reply, text, htmlUrl, parts } = await answer(id);
  expect(reply.text).toBe("It works now.");
  expect(reply.segments.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["reply", "quote", "signature"]));
  expect(reply.segments.map((segment) => segment.text).join("")).toBe(text);
  expect({ htmlUrl, parts: parts.map(({ contentType }) => contentType) }).toEqual({
    htmlUrl: null,
    parts: ["text/plain"],
  });
  expect((await running.fetch(`/api/messages/${id}/html`)).status).toBe(404);
});

test("attachments are listed with their places and downloaded octet by octet", async () => {
  const id = await running.send(withParts("<p>Hello</p>"), ["support@example.com"]);
  const { subject, attachments, parts } = await answer(id);
  expect(subject).toBe("Grüße");
  expect(attachments.map(({ fileName, contentType }) => [fileName, contentType])).toEqual([
    [expect.any(String), "image/png"],
    ["a b.csv", "text/csv"],
  ]);
  expect(parts.filter((part) => part.attachment !== null).map((part) => part.attachment)).toEqual([0, 1]);
  for (const { url, sha256, sizeBytes } of attachments) {
    const response = await running.fetch(url);
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(response.headers.get("content-disposition")).toMatch(/^attachment;/);
    const octets = Buffer.from(await response.arrayBuffer());
    expect(octets).toHaveLength(sizeBytes);
    expect(createHash("sha256").update(octets).digest("hex")).toBe(sha256);
  }
  expect((await running.fetch(`/api/messages/${id}/attachments/2`)).status).toBe(404);
});

test("a mail's HTML is a document in a sandbox of its own, with its own pictures and no others", async () => {
  const html = [
    `<p onclick="x()" style="background:url(https://spy.example/a)">Hi</p><script>bad()</script>`,
    `<img src="cid:logo@sender.example"><img src="https://spy.example/b.png"><a href="javascript:x()">a</a>`,
    `<form action="https://spy.example"><input></form><meta http-equiv="refresh" content="0;url=https://spy.example">`,
    `<iframe src="https://spy.example"></iframe><a href="https://shop.example/">shop</a>`,
  ].join("\r\n");
  const id = await running.send(withParts(html), ["support@example.com"]);
  const response = await running.fetch(`/api/messages/${id}/html`);
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'; img-src data:; style-src");
  expect(policy).toMatch(/sandbox(?! .*allow-(?:scripts|same-origin|forms))/);
  expect(response.headers.get("x-remote-resources")).toBe("2");
  const document = await response.text();
  expect(document).toContain(`src="data:image/png;base64,${png.toString("base64")}"`);
  expect(document).toContain('href="https://shop.example/" target="_blank" rel="noopener noreferrer nofollow"');
  expect(document).not.toMatch(/<script|onclick|javascript:|<form|<input|http-equiv|<iframe/i);
  const asked = await running.fetch(`/api/messages/${id}/html?remote=1`);
  expect(asked.headers.get("content-security-policy")).toContain("img-src data: https: http:;");
});
