import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import {
  DeleteIdentityCommand,
  DeleteReceiptRuleSetCommand,
  ListIdentitiesCommand,
  ListReceiptRuleSetsCommand,
  type SESClient,
  SetActiveReceiptRuleSetCommand,
} from "@aws-sdk/client-ses";
import { expect, onTestFinished, test } from "vitest";
import { functionModule, runEngine, temporaryFolder } from "../local/ses-api/running-engine.ts";
import { rule } from "../shared/receipt/rule-sets.ts";
import { pythonSource, pythonTool, startMoto } from "./python-tools.ts";

// The suite of moto, an independent implementation of the SES API, run unchanged against the engine: every test about
// receipt rules and identities. Where one fails, the reason stands here, and in docs/ses-api.md. moto is no authority:
// its server accepts what AWS has been seen to refuse (ses-receiving.md §9.3, §16).

const python = pythonTool("python");
const program = pythonTool("moto_server");
const source = pythonSource("moto");

const names =
  "§9.3: a name's first and last character and its length are checked apart: InvalidParameterValue, Not a valid …";
const placeholders =
  'the rule says "string" for condition, reply code, status and sender: AWS refuses each (§2.3, §5.4)';
const twoTypes = "an action of two types: AWS wants exactly one (§5.1)";

/** Tests of the suite that do not pass as they are, each with the reason. All others must. */
const explained: Readonly<Record<string, string>> = {
  "test_create_receipt_rule_set_invalid[having_invalid_characters]":
    '§9.3: the message begins with "1 validation error detected: "',
  "test_create_receipt_rule_set_invalid[invalid_start_character]": names,
  "test_create_receipt_rule_set_invalid[invalid_end_character]": names,
  "test_create_receipt_rule_set_invalid[exceeding_max_length]": names,
  "test_create_receipt_rule_invalid_top_level[invalid_rule_set_name]": names,
  "test_create_receipt_rule_invalid_top_level[invalid_rule_name]": names,
  "test_create_receipt_rule_invalid_action[non_existent_bucket]":
    '§5.9: a bucket that is not there is "No such bucket"; "Could not write" is one that is',
  "test_create_receipt_rule_invalid_action[non_existent_iam_role]":
    "§5.9: a role that cannot be assumed is InvalidS3Configuration",
  "test_create_receipt_rule_invalid_action[non_existent_sns_topic_for_bounce]": placeholders,
  test_create_receipt_rule: placeholders,
  test_clone_receipt_rule_set: placeholders,
  test_describe_receipt_rule_set_with_rules: placeholders,
  test_describe_receipt_rule: twoTypes,
  test_update_receipt_rule: twoTypes,
  test_update_receipt_rule_actions: twoTypes,
};
/** What the placeholders stand for in the second run, so that those tests get as far as what they are about. */
const meant: readonly (readonly [member: string, placeholder: string, value: string])[] = [
  ["SmtpReplyCode", "string", "550"],
  ["StatusCode", "string", "5.1.1"],
  ["Sender", "string", "string@example.com"],
  ["member", "string", "string@example.com"],
];

test.for<[string, boolean, (reason: string) => boolean]>([
  ["as they are", false, () => true],
  ["with values for their placeholders", true, (reason) => reason !== placeholders],
])("moto's own tests of receipt rules, against the engine: %s", async ([, filled, stays], context) => {
  if (!python || !program || !source) return context.skip("run .ci/run: it installs moto and fetches its tests");
  const folder = await temporaryFolder();
  const { engine, client } = await runEngine(
    {
      domains: ["example.com"],
      // Disabled: they are here for the buckets that they name, which the suite makes in its S3.
      ruleSet: {
        name: "configured",
        rules: [
          rule("buckets", {
            enabled: false,
            actions: ["test-bucket", "testBucketName"].map((bucketName) => ({ type: "S3", bucketName })),
          }),
        ],
      },
      local: { functions: { "test-function": await functionModule(folder, "test-function", null) } },
    },
    folder,
  );
  const moto = await startMoto(program);
  onTestFinished(() => moto.stop());
  const endpoint = await startFront({ engine: engine.http, moto: moto.endpoint, client, filled });

  const args = [
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
    "-rA",
    "--tb=line",
    "tests/test_ses/test_ses.py",
    "-k",
    "receipt",
  ];
  const child = spawn(python, args, {
    cwd: source,
    env: {
      ...process.env,
      ...{
        TEST_SERVER_MODE: "true",
        TEST_SERVER_MODE_ENDPOINT: endpoint,
        NO_COLOR: "1",
        AWS_EC2_METADATA_DISABLED: "true",
      },
      ...{ AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "secret", AWS_DEFAULT_REGION: "us-east-1" },
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const output = stripVTControlCharacters(await text(child.stdout));
  if (child.exitCode === null) await once(child, "exit");
  const results = new Map(
    [...output.matchAll(/^(PASSED|FAILED) \S+?::(\S+)/gm)].map(([, result, name = ""]) => [name, result]),
  );
  if (results.size < 20) throw new Error(`pytest ran no more than this:\n${output.slice(-3000)}`);
  const failed = [...results].filter(([, result]) => result === "FAILED").map(([name]) => name);
  // Neither a failure without a reason, nor a reason without a failure.
  const expected = Object.entries(explained).flatMap(([name, reason]) => (stays(reason) ? [name] : []));
  expect(failed.sort()).toEqual(expected.sort());
});

interface Front {
  readonly engine: string;
  readonly moto: string;
  readonly client: SESClient;
  /** Replace placeholders on the way in, and put them back on the way out. */
  readonly filled: boolean;
}

/** SES goes to the engine, all other services to moto: the suite sees one endpoint. */
async function startFront({ engine, moto, client, filled }: Front): Promise<string> {
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === "/moto-api/reset") await emptyAccount(client);
    const isSes = /\/ses\/aws4_request/.test(request.headers.authorization ?? "");
    const asked = await buffer(request);
    const body = isSes && filled ? Buffer.from(fill(asked.toString())) : asked;
    const { "content-length": _, connection: __, host: ___, ...headers } = request.headers;
    const answer = await fetch(`${isSes ? engine : moto}${request.url}`, {
      method: request.method ?? "GET",
      headers: headers as Record<string, string>,
      ...(body.length > 0 && { body }),
    });
    const octets = Buffer.from(await answer.arrayBuffer());
    const said = isSes ? Buffer.from(restore(octets.toString(), filled)) : octets;
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" });
    response.end(said);
  };
  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function fill(body: string): string {
  const form = new URLSearchParams(body);
  for (const [name, value] of [...form]) {
    const last = name.split(".").findLast((part) => !/^\d+$/.test(part));
    const found = meant.find(([member, placeholder]) => member === last && placeholder === value);
    if (found) form.set(name, found[2]);
  }
  return form.toString();
}

function restore(body: string, filled: boolean): string {
  // The suite expects an account without rule sets; the engine always lists the configured one.
  const alone = body.includes("<ListReceiptRuleSetsResult>")
    ? body.replace(/<member><Name>mailweir<\/Name>.*?<\/member>/, "")
    : body;
  return (filled ? meant : []).reduce(
    (text, [member, placeholder, value]) => text.replaceAll(`<${member}>${value}</`, `<${member}>${placeholder}</`),
    alone,
  );
}

async function emptyAccount(client: SESClient): Promise<void> {
  await client.send(new SetActiveReceiptRuleSetCommand({}));
  const { RuleSets = [] } = await client.send(new ListReceiptRuleSetsCommand({}));
  for (const { Name } of RuleSets) {
    if (Name !== "mailweir") await client.send(new DeleteReceiptRuleSetCommand({ RuleSetName: Name }));
  }
  const { Identities = [] } = await client.send(new ListIdentitiesCommand({}));
  for (const Identity of Identities) {
    if (Identity !== "example.com") await client.send(new DeleteIdentityCommand({ Identity }));
  }
}
