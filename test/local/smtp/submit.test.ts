import { afterEach, expect, test } from "vitest";
import { submit } from "../../../local/smtp/submit.ts";
import { type Endpoint, rule, startEndpoint } from "./receiving-endpoint.ts";

let endpoint: Endpoint;
afterEach(() => endpoint.stop());

const client = { ip: "203.0.113.25", helo: "mx.sender.example" };
async function* octets(text: string) {
  yield Buffer.from(text);
}

test("a submission is accepted as if it came from that client", async () => {
  endpoint = await startEndpoint({ ruleSet: { name: "mailweir", rules: [rule("a", ["a@shop.example"])] } });
  const to = ["a@shop.example", "b@shop.example"];
  const result = await submit(endpoint.reception, { client, from: "ann@sender.example", to, raw: octets("a\r\n") });
  expect(result).toMatchObject({
    sesMessageId: endpoint.accepted[0]?.message.sesMessageId,
    reply: { code: 250 },
    recipients: [
      { recipient: "a@shop.example", reply: { code: 250 } },
      { recipient: "b@shop.example", reply: { code: 550, status: "5.1.1" } },
    ],
  });
  expect(endpoint.accepted).toMatchObject([
    { message: { client, from: "ann@sender.example", recipients: ["a@shop.example"] } },
  ]);
  expect(endpoint.refusals).toMatchObject([{ ip: "203.0.113.25", recipient: "b@shop.example" }]);
});

test.for<[string, Partial<Parameters<typeof submit>[1]>, number]>([
  ["a sender that is no address", { from: "ann" }, 501],
  ["no recipient at all", { to: [] }, 503],
  ["only recipients that are refused", { to: ["a@other.example"] }, 550],
  ["a blocked client", { client: { ...client, ip: "198.51.100.7" } }, 550],
  ["a bare LF", { raw: octets("a\nb\r\n") }, 550],
])("%s is refused as in SMTP", async ([, given, code]) => {
  endpoint = await startEndpoint({ ipFilters: [{ name: "b", policy: "Block", cidr: "198.51.100.0/24" }] });
  const usual = { client, from: "ann@sender.example", to: ["a@shop.example"], raw: octets("a\r\n") };
  const result = await submit(endpoint.reception, { ...usual, ...given });
  expect(result.reply.code).toBe(code);
  expect(result.sesMessageId).toBeUndefined();
  expect(endpoint.accepted).toEqual([]);
});
