import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUnsubscriber, type Unsubscriber } from "../../../shared/unsubscribe/sender.ts";
import { type ConsoleEngine, startConsoleEngine } from "./console-engine.ts";

let running: ConsoleEngine;
let sender: Unsubscriber;
beforeAll(async () => {
  running = await startConsoleEngine({
    unsubscribe: { lists: { news: { name: "Ten <b>things</b> & more" }, offers: {} } },
  });
  const ring = await running.engine.ports.secrets.keyRing();
  sender = createUnsubscriber({ secret: ring, mailto: "unsubscribe@example.com", url: `${running.engine.http}/u` });
});
afterAll(() => running.close());

let people = 0;
const newPerson = () => `person${people++}@sender.example`;
/** The link in the headers of a mail to this person, as a mail provider reads it. */
function linkFor(address: string, list = "news"): string {
  const headers = sender.headersFor({ address, list });
  expect(headers["List-Unsubscribe-Post"]).toBe("List-Unsubscribe=One-Click");
  return /<(http[^>]+)>/.exec(headers["List-Unsubscribe"]!)![1]!;
}
const checkOf = (address: string, list: string) =>
  running.engine.ports.suppressions.check(sender.personOf(address), list);
const post = (url: string, body: BodyInit = "List-Unsubscribe=One-Click", headers: Record<string, string> = {}) =>
  fetch(url, {
    method: "POST",
    redirect: "manual",
    body,
    headers: { ...(typeof body === "string" && { "content-type": "application/x-www-form-urlencoded" }), ...headers },
  });

test("a mail provider's POST acts at once, without cookie, login or redirect, whoever's name the request is for", async () => {
  const ann = newPerson();
  const { stdout } = await promisify(execFile)("curl", [
    ...["-sS", "-i", "-X", "POST", "-H", "Host: mail.example.com", "-d", "List-Unsubscribe=One-Click"],
    linkFor(ann),
  ]);
  expect(stdout).toMatch(/^HTTP\/1\.1 200 /);
  expect(stdout).not.toMatch(/^(?:set-cookie|location):/im);
  expect(await checkOf(ann, "news")).toMatchObject({ address: ann, list: "news", reason: "one-click" });
  expect(await checkOf(ann, "offers")).toBeUndefined();
});

test("multipart is the other form that RFC 8058 allows", async () => {
  const ann = newPerson();
  const form = new FormData();
  form.set("List-Unsubscribe", "One-Click");
  expect((await post(linkFor(ann), form)).status).toBe(200);
  expect(await checkOf(ann, "news")).toMatchObject({ reason: "one-click" });
});

const click = "List-Unsubscribe=One-Click";
const urlencoded = "application/x-www-form-urlencoded";
const part = (disposition: string) => `--b\r\n${disposition}\r\n\r\nOne-Click\r\n--b--\r\n`;

// Each as curl sends it, byte for byte, to the engine.
test.for<[string, "acts" | "nothing", readonly string[], string?]>([
  ["a charset in the type", "acts", ["-H", `Content-Type: ${urlencoded}; charset=UTF-8`, "-d", click]],
  ["the type in capitals", "acts", ["-H", `Content-Type: ${urlencoded.toUpperCase()}`, "-d", click]],
  ["no type", "acts", ["-H", "Content-Type:", "-d", click]],
  ["plain text, which RFC 8058 does not allow", "nothing", ["-H", "Content-Type: text/plain", "-d", click]],
  ["an unknown type", "nothing", ["-H", "Content-Type: application/octet-stream", "-d", `${click}\r\n`]],
  ["plain text that says more", "nothing", ["-H", "Content-Type: text/plain", "-d", `please do not ${click}`]],
  ["JSON", "nothing", ["-H", "Content-Type: application/json", "-d", '{"List-Unsubscribe":"One-Click"}']],
  ["multipart as curl writes it", "acts", ["-F", click]],
  [
    "multipart, the name without quotes",
    "acts",
    [
      "-H",
      "Content-Type: multipart/form-data; boundary=b",
      "--data-binary",
      part("Content-Disposition: form-data; name=List-Unsubscribe"),
    ],
  ],
  [
    "multipart, no space and a charset",
    "acts",
    [
      "-H",
      'Content-Type: multipart/form-data; charset=utf-8; boundary="b"',
      "--data-binary",
      part('CONTENT-DISPOSITION: form-data;name="List-Unsubscribe"\r\nContent-Type: text/plain; charset=utf-8'),
    ],
  ],
  [
    "multipart with LF, and nothing behind the end",
    "acts",
    [
      "-H",
      "Content-Type: multipart/form-data; boundary=b",
      "--data-binary",
      part('Content-Disposition: form-data; name="List-Unsubscribe"').replaceAll("\r", "").trimEnd(),
    ],
  ],
  [
    "multipart, another name",
    "nothing",
    [
      "-H",
      "Content-Type: multipart/form-data; boundary=b",
      "--data-binary",
      part('Content-Disposition: form-data; filename="List-Unsubscribe"'),
    ],
  ],
  ["multipart without a boundary", "nothing", ["-H", "Content-Type: multipart/form-data", "--data-binary", click]],
  ["a byte order mark", "acts", ["--data-binary", `\ufeff${click}`]],
  ["escaped", "acts", ["-d", "List%2DUnsubscribe=One%2DClick"]],
  ["the field twice", "acts", ["-d", `${click}&${click}`]],
  ["the field twice, the first one counts", "acts", ["-d", `${click}&List-Unsubscribe=no`]],
  ["the field twice, the first one counts: no", "nothing", ["-d", `List-Unsubscribe=no&${click}`]],
  ["among other fields", "acts", ["-d", `a=b&${click}&c=d`]],
  ["with the way back beside it", "acts", ["-d", `action=return&${click}`]],
  ["another value", "nothing", ["-d", "List-Unsubscribe=Two-Click"]],
  ["an empty POST", "nothing", ["-X", "POST"]],
  ["HEAD", "nothing", ["-I"]],
  ["GET with the body of a POST", "nothing", ["-X", "GET", "-d", click]],
  ["PUT", "nothing", ["-X", "PUT", "-d", click]],
  ["DELETE", "nothing", ["-X", "DELETE", "-d", click]],
  ["GET that asks to be a POST", "nothing", ["-H", "X-HTTP-Method-Override: POST", "-d", click, "-X", "GET"]],
  ["the field in the query of a GET", "nothing", [], `?${click}`],
  ["the field in the query of a POST", "nothing", ["-X", "POST"], `?${click}`],
  ["a query that somebody hung on", "acts", ["-d", click], "?utm_source=mail"],
  ["a slash at the end", "acts", ["-d", click], "/"],
  ["in chunks", "acts", ["-H", "Transfer-Encoding: chunked", "-d", click]],
  ["HTTP/1.0", "acts", ["-0", "-d", click]],
  ["compressed", "nothing", ["-H", "Content-Encoding: gzip", "-d", "H4sIAAAAAAAA"]],
])("one-click: %s: %s", async ([, expected, args, suffix = ""]) => {
  const ann = newPerson();
  const { stdout } = await promisify(execFile)("curl", [
    "-sS",
    "-o",
    "/dev/null",
    "-w",
    "%{http_code}",
    ...args,
    `${linkFor(ann)}${suffix}`,
  ]);
  expect(await checkOf(ann, "news")).toEqual(
    expected === "acts" ? expect.objectContaining({ reason: "one-click" }) : undefined,
  );
  if (expected === "acts") expect(stdout).toBe("200");
});

test("looking at the link changes nothing, however it is done", async () => {
  const ann = newPerson();
  const link = linkFor(ann);
  const got = await fetch(link);
  expect(got.status).toBe(200);
  expect(got.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'/,
  );
  expect(got.headers.get("referrer-policy")).toBe("no-referrer");
  expect(got.headers.get("cache-control")).toBe("no-store");
  const head = await fetch(link, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  const options = await fetch(link, { method: "OPTIONS" });
  expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, HEAD, POST, OPTIONS"]);
  for (const method of ["PUT", "DELETE", "PATCH"]) expect((await fetch(link, { method })).status).toBe(405);
  for (const body of ["", "x=1", "List-Unsubscribe=one-click", "List-Unsubscribe", "action=leave"]) {
    expect((await post(link, body)).status, body).toBe(400);
  }
  expect((await post(link, "List-Unsubscribe=One-Click", { "content-type": "text/plain" })).status).toBe(400);
  expect((await fetch(`${link}?List-Unsubscribe=One-Click`)).status).toBe(200);
  expect(await checkOf(ann, "news")).toBeUndefined();
});

test("the page is in the visitor's language, and says the list's name as text", async () => {
  const link = linkFor(newPerson());
  const pageIn = async (language: string) => {
    const response = await fetch(link, { headers: { "accept-language": language } });
    return [response.headers.get("content-language"), await response.text()] as const;
  };
  for (const [header, language, words] of [
    ["de-AT,de;q=0.9,en;q=0.5", "de", "Möchten Sie"],
    ["fr", "fr", "Souhaitez-vous"],
    ["xx, es;q=0.7, it;q=0.8", "it", "Vuole non ricevere"],
    ["es;q=0.7, it;q=0", "es", "¿Quiere dejar"],
    ["nl-NL", "nl", "Wilt u"],
    ["ja", "en", "Do you want"],
    ["", "en", "Do you want"],
  ] as const) {
    const [said, page] = await pageIn(header);
    expect(said).toBe(language);
    expect(page).toContain(`<html lang="${language}">`);
    expect(page).toContain(words);
    expect(page).toContain("Ten &#60;b&#62;things&#60;/b&#62; &#38; more");
  }
});

test("20 at once leave one record and one change, and all are told the same", async () => {
  const ann = newPerson();
  const link = linkFor(ann);
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(link)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const history = await running.engine.ports.suppressions.history(sender.personOf(ann));
  expect(history.filter(({ kind }) => kind === "suppressed")).toHaveLength(1);
});

test("the way back takes back what the person did, and nothing else", async () => {
  const { suppressions } = running.engine.ports;
  const ann = newPerson();
  const link = linkFor(ann);
  await post(link);
  expect(await (await fetch(link)).text()).toContain('name="action" value="return"');
  const back = await post(link, "action=return");
  expect(await back.text()).toContain("You are subscribed again");
  expect(await checkOf(ann, "news")).toBeUndefined();
  expect((await post(link, "action=return")).status).toBe(200);

  const bob = newPerson();
  const evidence = { note: "reported as spam" };
  const person = sender.personOf(bob);
  await suppressions.suppress(
    { effect: "c" },
    { person, list: "*", reason: "complaint", since: "2026-08-04T00:00:00Z", evidence },
  );
  expect(await (await post(linkFor(bob), "action=return")).text()).toContain("another reason");
  expect(await checkOf(bob, "news")).toMatchObject({ reason: "complaint" });
});

test("a link that is not ours shows a page that says so; whoever tries many is slowed down, whoever has one is not", async () => {
  const ann = newPerson();
  const link = linkFor(ann);
  expect((await post(`${link.slice(0, -1)}${link.endsWith("A") ? "B" : "A"}`)).status).toBe(404);
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 40; attempt++)
    statuses.push((await fetch(`${running.engine.http}/u/guess${attempt}`)).status);
  expect(statuses[0]).toBe(404);
  expect(statuses.at(-1)).toBe(429);
  expect((await post(link)).status).toBe(200);
  expect(await checkOf(ann, "news")).toMatchObject({ list: "news", reason: "one-click" });
});

test("going to and fro is limited, for that person only", async () => {
  const link = linkFor(newPerson());
  const statuses: number[] = [];
  for (let turn = 0; turn < 15; turn++) {
    statuses.push((await post(link)).status, (await post(link, "action=return")).status);
  }
  expect(statuses.slice(0, 20)).toEqual(Array(20).fill(200));
  expect(statuses).toContain(429);
  expect((await post(linkFor(newPerson()))).status).toBe(200);
});

test("a body is read as far as anybody needs it", async () => {
  const ann = newPerson();
  const response = await post(linkFor(ann), `List-Unsubscribe=One-Click&x=${"x".repeat(1_000_000)}`).catch(
    () => undefined,
  );
  // The engine closes the connection while the client still sends: either is a refusal.
  expect([413, undefined]).toContain(response?.status);
  expect(await checkOf(ann, "news")).toBeUndefined();
});

test("everything for who wants nothing at all", async () => {
  const ann = newPerson();
  expect(await (await post(linkFor(ann, "*"))).text()).toContain("all our mail");
  expect(await checkOf(ann, "whatever")).toMatchObject({ list: "*", reason: "one-click" });
});
