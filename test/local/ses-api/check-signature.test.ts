import { CreateReceiptRuleSetCommand, ListReceiptRuleSetsCommand } from "@aws-sdk/client-ses";
import { expect, test } from "vitest";
import { isSesRequest } from "../../../local/ses-api/check-signature.ts";
import { startSesServer } from "./ses-server.ts";

const good = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
// The SDK signs with the machine's time.
const clock = { now: () => new Date() };

test("with keys, a request of the SDK with these keys is answered", async () => {
  const { client } = await startSesServer({ keys: [good], clock });
  await client.send(new CreateReceiptRuleSetCommand({ RuleSetName: "a" }));
  const { RuleSets } = await client.send(new ListReceiptRuleSetsCommand({}));
  expect(RuleSets).toHaveLength(2);
});

test.for([
  ["of another secret", { keys: [{ ...good, secretAccessKey: "other" }], clock }, "SignatureDoesNotMatch"],
  ["of an unknown key", { keys: [{ ...good, accessKeyId: "AKIDOTHER" }], clock }, "InvalidClientTokenId"],
  ["of another day", { keys: [good], clock: { now: () => new Date("2020-01-01T00:00:00Z") } }, "SignatureDoesNotMatch"],
] as const)("with keys, a signature %s is refused", async ([, parts, name]) => {
  const { client } = await startSesServer(parts);
  await expect(client.send(new ListReceiptRuleSetsCommand({}))).rejects.toMatchObject({ name });
});

test("a request without an AWS4 header, as a page's form sends it, is refused", async () => {
  const { api } = await startSesServer();
  const body = "Action=SetActiveReceiptRuleSet&Version=2010-12-01";
  const { status, body: xml } = await api.answer({ method: "POST", headers: {}, body });
  expect([status, xml.includes("<Code>MissingAuthenticationToken</Code>")]).toEqual([403, true]);
  expect(api.activeReceiving().ruleSet?.name).toBe("mailweir");
});

test.for([
  ["a signature for SES", "ses", true],
  ["one for another service", "s3", false],
] as const)("%s: told apart by its scope", ([, service, expected]) => {
  const authorization = `AWS4-HMAC-SHA256 Credential=A/20260804/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=${"0".repeat(64)}`;
  expect(isSesRequest({ authorization })).toBe(expected);
  expect(isSesRequest({})).toBe(false);
});

test("with a rate limit, the second call within the time is throttled and another operation is not", async () => {
  const { client, clock: time } = await startSesServer({ rateLimitMs: 1000 });
  const list = () => client.send(new ListReceiptRuleSetsCommand({}));
  await list();
  await expect(list()).rejects.toMatchObject({ name: "Throttling", message: "Rate exceeded" });
  await client.send(new CreateReceiptRuleSetCommand({ RuleSetName: "a" }));
  time.advance(1000);
  await list();
});
