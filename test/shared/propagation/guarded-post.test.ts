import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWebhooks, isSpecial } from "../../../shared/propagation/guarded-post.ts";

let server: Server;
let port: number;
const seen: { method: string; path: string; host: string; body: string }[] = [];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const body = await textOf(request);
    seen.push({ method: request.method!, path: request.url!, host: request.headers.host!, body });
    if (request.url === "/moved") response.writeHead(302, { location: "/elsewhere" }).end();
    else if (request.url === "/busy") response.writeHead(503, { "retry-after": "120" }).end("x".repeat(100_000));
    else if (request.url !== "/silent") response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

const call = (
  url: string,
  more: Partial<Parameters<ReturnType<typeof createWebhooks>["post"]>[0]> = {},
  webhooks = createWebhooks(),
) =>
  webhooks.post({
    url,
    headers: { "x-test": "1" },
    body: "{}",
    allowPrivate: ["127.0.0.0/8"],
    timeoutMs: 20_000,
    ...more,
  });

test("an allowed private address is called; the status and Retry-After are the answer", async () => {
  expect(await call(`http://127.0.0.1:${port}/ok`)).toEqual({ status: 204 });
  expect(seen.at(-1)).toEqual({ method: "POST", path: "/ok", host: `127.0.0.1:${port}`, body: "{}" });
  expect(await call(`http://127.0.0.1:${port}/busy`)).toEqual({ status: 503, retryAfter: "120" });
});

test("a redirect is an answer, and nobody follows it", async () => {
  expect(await call(`http://127.0.0.1:${port}/moved`)).toEqual({ status: 302 });
  expect(seen.some(({ path }) => path === "/elsewhere")).toBe(false);
});

test("a server that says nothing is given up", async () => {
  await expect(call(`http://127.0.0.1:${port}/silent`, { timeoutMs: 200 })).rejects.toMatchObject({
    code: "ERR_WEBHOOK",
    message: expect.stringContaining("in time"),
  });
});

test("a private address is refused unless it is allowed, as a number and behind a name", async () => {
  const before = seen.length;
  for (const url of [
    `http://127.0.0.1:${port}/ok`,
    `http://2130706433:${port}/ok`,
    `http://0x7f.1:${port}/ok`,
    `http://[::ffff:127.0.0.1]:${port}/ok`,
    `http://[::1]:${port}/ok`,
    `http://localhost:${port}/ok`,
    "http://169.254.169.254/latest/meta-data/",
  ]) {
    await expect(call(url, { allowPrivate: [] }), url).rejects.toMatchObject({
      code: "ERR_WEBHOOK",
      message: expect.stringContaining("public"),
    });
  }
  expect(seen.length).toBe(before);
});

test("a name with one public and one private address is refused whole", async () => {
  const mixed = createWebhooks(async () => [
    { address: "192.0.1.1", family: 4 },
    { address: "10.0.0.1", family: 4 },
  ]);
  await expect(call("http://hooks.example/", { allowPrivate: [] }, mixed)).rejects.toThrow("10.0.0.1");
});

test("the address that was looked at is the one that is called: a second look-up gains nothing", async () => {
  let asked = 0;
  const rebinding = createWebhooks(async () => {
    asked++;
    return [{ address: asked === 1 ? "127.0.0.1" : "192.0.1.1", family: 4 }];
  });
  expect(await call(`http://hooks.example:${port}/pinned`, {}, rebinding)).toEqual({ status: 204 });
  expect(seen.at(-1)).toMatchObject({ path: "/pinned", host: `hooks.example:${port}` });
  expect(asked).toBe(1);
});

test("a name without address, and one that cannot be looked up", async () => {
  await expect(
    call(
      "http://hooks.example/",
      {},
      createWebhooks(async () => []),
    ),
  ).rejects.toThrow("has no address");
  const failing = createWebhooks(async () => {
    throw Object.assign(new Error("no"), { code: "ENOTFOUND" });
  });
  await expect(call("http://hooks.example/", {}, failing)).rejects.toThrow("ENOTFOUND");
});

test.for([
  ...[
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
  ],
  ...["192.0.2.1", "203.0.113.9", "224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
  ...["fc00::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "2002:7f00:1::", "2001::1", "4000::1", "no address"],
])("%s is nobody's public address", (address) => {
  expect(isSpecial(address)).toBe(true);
});

test.for([
  "8.8.8.8",
  "1.1.1.1",
  "172.32.0.1",
  "100.128.0.1",
  "192.0.1.1",
  "2606:4700::1111",
  "2a00:1450::1",
])("%s is a public address", (address) => {
  expect(isSpecial(address)).toBe(false);
});
