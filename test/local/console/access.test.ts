import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type IncomingHttpHeaders, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hashApiKey } from "../../../local/console/access.ts";
import { startEngine } from "../../../local/engine.ts";
import { createSelfSignedCertificate } from "../../../local/smtp/self-signed-certificate.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import type { MailConfig } from "../../../shared/config/types.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "./console-engine.ts";

const reader = "mw_reader";
const listKeeper = "mw_list-keeper";
const owner = "mw_owner";
const apiKeys = [
  { name: "reader", scopes: ["read"], sha256: hashApiKey(reader) },
  { name: "list-keeper", scopes: ["suppressions"], sha256: hashApiKey(listKeeper) },
  { name: "owner", scopes: ["all"], sha256: hashApiKey(owner) },
] as const;

let folder: string;
let running: ConsoleEngine;
let tls: { key: string; cert: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-access-"));
  const pair = createSelfSignedCertificate(["mail.example.com"], new Date(), new Uint8Array(16).fill(7));
  tls = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
  await Promise.all([writeFile(tls.key, pair.key), writeFile(tls.cert, pair.cert)]);
  running = await startConsoleEngine({ local: { https: "127.0.0.1:0", tls, apiKeys } });
});

afterAll(async () => {
  await running.close();
  await rm(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The head as somebody hostile would write it: fetch sends no Host of one's choice. */
function ask(base: string, path: string, method = "GET", headers: Record<string, string> = {}): Promise<Answer> {
  const url = new URL(base);
  // The path as it stands, which URL would tidy.
  const options = { method, headers, path, rejectUnauthorized: false, servername: "mail.example.com" };
  return new Promise((resolve, reject) => {
    const request = url.protocol === "https:" ? tlsRequest(url, options) : plainRequest(url, options);
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    request.on("error", reject);
    request.end();
  });
}

const onLoopback = (path: string, method?: string, headers?: Record<string, string>) =>
  ask(running.engine.http, path, method, headers);
const fromElsewhere = (path: string, method?: string, headers?: Record<string, string>) =>
  ask(`https://${running.engine.https}`, path, method, headers);
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`ann:${key}`).toString("base64")}` });

describe("what others reach", () => {
  test.for([
    "/",
    "/api/messages",
    "/api/events",
    "/api/refusals",
    "/page.js",
    "/api/openapi.json",
  ])("%s needs a key, whatever the Host says", async (path) => {
    for (const host of ["mail.example.com", "127.0.0.1", "localhost"]) {
      const { status, headers, text } = await fromElsewhere(path, "GET", { host });
      expect(status).toBe(401);
      expect(headers["www-authenticate"]).toMatch(/^Basic /);
      expect(headers["content-security-policy"]).toMatch(/default-src 'none'/);
      expect(text).not.toContain("sesMessageId");
    }
  });

  test.for<[string, Record<string, string>]>([
    ["a wrong key", bearer("mw_nobody")],
    ["the hash in place of the key", bearer(hashApiKey(owner))],
    ["an empty key", { authorization: "Bearer " }],
    ["a key with more behind it", { authorization: `Bearer ${owner} x` }],
    ["another scheme", { authorization: `Digest ${owner}` }],
    ["a user name that is the key", { authorization: `Basic ${Buffer.from(`${owner}:`).toString("base64")}` }],
  ])("%s opens nothing", async ([, headers]) => {
    expect((await fromElsewhere("/api/messages", "GET", headers)).status).toBe(401);
  });

  test("nor does the token of this machine's tools", async () => {
    expect((await fromElsewhere("/api/messages", "GET", bearer(running.token))).status).toBe(401);
  });

  test("a key to read reads, by Bearer and as a browser's password, and changes nothing", async () => {
    for (const headers of [bearer(reader), basic(reader)]) {
      expect((await fromElsewhere("/api/messages", "GET", headers)).status).toBe(200);
      expect((await fromElsewhere("/", "GET", headers)).status).toBe(200);
    }
    const refused = await fromElsewhere("/api/messages?to=ann@example.com", "POST", bearer(reader));
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('\\"reader\\" is for read only') });
  });

  test("a key for suppressions reads no mail, and no path leads around that", async () => {
    expect((await fromElsewhere("/api/suppressions", "GET", bearer(listKeeper))).status).toBe(200);
    for (const path of [
      "/api/messages",
      "/api/suppressions/../messages",
      "/api/suppressions/%2e%2e/messages",
      "/api/suppressions/.%2E\\messages",
      "/api/suppressions\\..\\messages",
      "https://mail.example.com/api/messages",
      "/api/messages?/api/suppressions/",
      "/api/suppressionsx",
      "//api/suppressions",
      "/api/tickets",
    ]) {
      expect((await fromElsewhere(path, "GET", bearer(listKeeper))).status, path).toBe(403);
    }
  });

  test("a browser's password does not serve the page of somebody else", async () => {
    const path = "/api/messages?to=ann@example.com";
    const of = { ...basic(owner), host: "mail.example.com", "x-mailweir": "1" };
    for (const origin of ["https://evil.example", "http://mail.example.com", "null", ""]) {
      expect((await fromElsewhere(path, "POST", { ...of, origin })).status, origin).toBe(403);
    }
    const { "x-mailweir": _, ...plainForm } = of;
    expect((await fromElsewhere(path, "POST", { ...plainForm, origin: "https://mail.example.com" })).status).toBe(403);
    const own = await fromElsewhere(path, "POST", { ...of, origin: "https://mail.example.com" });
    expect(own.status).not.toBe(403);
    expect((await fromElsewhere(path, "POST", bearer(owner))).status).not.toBe(403);
  });

  test("the SES API takes no unknown signature from elsewhere, though it does from this machine", async () => {
    const signed = {
      authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/us-east-1/ses/aws4_request, SignedHeaders=host, Signature=${"0".repeat(64)}`,
      "content-type": "application/x-www-form-urlencoded",
    };
    expect((await fromElsewhere("/", "POST", signed)).status).toBe(401);
    expect((await onLoopback("/", "POST", signed)).text).toContain("<ErrorResponse");
  });

  test("old TLS is not spoken", async () => {
    const { connect } = await import("node:tls");
    const port = Number(new URL(`https://${running.engine.https}`).port);
    const failure = new Promise<Error>((resolve, reject) => {
      const socket = connect({
        port,
        host: "127.0.0.1",
        rejectUnauthorized: false,
        maxVersion: "TLSv1.1",
        minVersion: "TLSv1",
      });
      socket.on("secureConnect", () => reject(new Error("TLS 1.1 was spoken")));
      socket.on("error", resolve);
    });
    await expect(failure).resolves.toBeInstanceOf(Error);
  });
});

describe("on this machine", () => {
  test.for([
    "evil.example",
    "evil.example:8025",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
  ])("a page that has pointed %j here reads nothing (DNS rebinding)", async (host) => {
    const { status, text } = await onLoopback("/api/messages", "GET", { host });
    // Without a name Node itself refuses what calls itself HTTP/1.1.
    expect([400, 403]).toContain(status);
    expect(text).not.toContain("sesMessageId");
  });

  test("a key changes what its scope says; a form of another page changes nothing", async () => {
    const path = "/api/messages?to=ann@example.com";
    expect((await onLoopback(path, "POST", bearer(owner))).status).not.toBe(403);
    expect((await onLoopback(path, "POST", bearer(reader))).status).toBe(403);
    expect((await onLoopback(path, "POST", bearer(listKeeper))).status).toBe(403);
    const host = new URL(running.engine.http).host;
    for (const headers of [
      {},
      { origin: "https://evil.example", "x-mailweir": "1" },
      { origin: `http://${host}` },
      { "x-mailweir": "1" },
      { origin: "null", "x-mailweir": "1" },
    ]) {
      expect((await onLoopback(path, "POST", { host, ...headers })).status).toBe(403);
    }
  });

  test("neither keys nor the token are in the log or in what the API says of the configuration", async () => {
    await running.send(mail("Hello"), ["ann@example.com"]);
    await running.ended();
    for (const path of ["/api/findings", "/api/status", "/api/messages"]) {
      const { text } = await onLoopback(path);
      for (const secret of [reader, listKeeper, owner, running.token]) expect(text).not.toContain(secret);
    }
  });
});

describe("an engine that everybody could read does not start", () => {
  const config: MailConfig = { domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } };
  const faultsOf = (local: MailConfig["local"]) => {
    try {
      resolveConfig({ ...config, ...(local && { local }) });
      return [];
    } catch (error) {
      return (error as { faults: { at: string; problem: string }[] }).faults;
    }
  };

  test.for([
    "0.0.0.0:8025",
    "[::]:8025",
    "192.0.2.1:80",
    "mail.example.com:8025",
    "127.0.0.1.evil.example:80",
    "[::ffff:192.0.2.1]:80",
  ])("http on %s", async (http) => {
    expect(faultsOf({ http })).toMatchObject([{ at: "local.http", suggestion: expect.stringMatching(/local\.https/) }]);
    await expect(startEngine({ config, http, data: join(folder, "never"), stderr: "none" })).rejects.toMatchObject({
      code: "ERR_LISTEN_ADDRESS",
      message: expect.stringMatching(/^--http: .*no loopback address/),
    });
  });

  test("https without a certificate, without a key, with two keys of one name", () => {
    const https = "0.0.0.0:8443";
    const [first] = apiKeys;
    expect(faultsOf({ https })).toMatchObject(
      [{ at: "local.https", problem: /local\.tls and local\.apiKeys/ }].map(at),
    );
    expect(faultsOf({ https, apiKeys })).toMatchObject([{ at: "local.https" }]);
    expect(faultsOf({ https, tls })).toMatchObject([{ at: "local.https" }]);
    expect(faultsOf({ https, tls, apiKeys: [first, first] })).toMatchObject([{ at: "local.apiKeys[1].name" }]);
    expect(faultsOf({ apiKeys: [{ ...first, sha256: owner }] })).toMatchObject([{ at: "local.apiKeys[0].sha256" }]);
    expect(faultsOf({ https, tls, apiKeys })).toEqual([]);
  });

  function at({ at, problem }: { at: string; problem: RegExp }) {
    return { at, problem: expect.stringMatching(problem) };
  }
});
