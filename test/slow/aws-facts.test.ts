import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateHostedZoneCommand, ListResourceRecordSetsCommand, Route53Client } from "@aws-sdk/client-route-53";
import { CreateBucketCommand, PutBucketLifecycleConfigurationCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { CreateReceiptRuleSetCommand, SESClient, SetActiveReceiptRuleSetCommand } from "@aws-sdk/client-ses";
import { CreateEmailIdentityCommand, SESv2Client } from "@aws-sdk/client-sesv2";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gatherFacts } from "../../infra/deploy/gather-facts.ts";
import { createRecords } from "../../infra/deploy/route53.ts";
import { openSession, type Session } from "../../infra/deploy/session.ts";
import { openAccountList } from "../../shared/aws/account-list.ts";
import { clientOptions } from "../../shared/aws/connection.ts";
import { openSecrets } from "../../shared/aws/secrets.ts";
import { resolveConfig } from "../../shared/config/resolve-config.ts";
import { createUnsubscriber } from "../../shared/unsubscribe/sender.ts";
import { callCli } from "../cli/run-cli.ts";
import { type Emulator, pythonProgram, startMoto } from "./moto.ts";

const program = pythonProgram("moto_server");
const missing = program === undefined ? " (skipped: moto_server is not here, see .ci/python-packages)" : "";

describe.skipIf(program === undefined)(
  `what AWS is asked before and beside a deployment, against moto${missing}`,
  () => {
    let moto: Emulator;
    let session: Session;
    let folder: string;
    const region = "us-east-1";
    const accountId = "123456789012";
    const connection = () => ({
      region,
      endpoint: moto.endpoint,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    const options = () => clientOptions(connection());
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "mailweir-facts-"));
      moto = await startMoto(program ?? "");
      session = await openSession({ region, endpoint: moto.endpoint });
    });
    afterAll(async () => {
      session?.close();
      await moto?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    const recordsOf = async (zone: string | undefined) => {
      const { ResourceRecordSets = [] } = await new Route53Client(options()).send(
        new ListResourceRecordSetsCommand({ HostedZoneId: zone }),
      );
      return ResourceRecordSets.flatMap(({ Name, Type, ResourceRecords = [] }) =>
        ResourceRecords.map(({ Value }) => `${Name} ${Type} ${Value}`),
      ).filter((line) => !/ (?:NS|SOA) /.test(line));
    };
    const zone = async (name: string, PrivateZone = false) => {
      const { HostedZone } = await new Route53Client(options()).send(
        new CreateHostedZoneCommand({
          Name: name,
          CallerReference: `${name}${PrivateZone}`,
          ...(PrivateZone && { HostedZoneConfig: { PrivateZone }, VPC: { VPCId: "vpc-1", VPCRegion: "us-east-1" } }),
        }),
      );
      return HostedZone?.Id?.replace("/hostedzone/", "");
    };
    const wanted = (name: string, type: "MX" | "TXT" | "CNAME", value: string) => ({
      record: { name, type, value, purpose: "receiving", needed: true } as const,
      state: { kind: "missing" } as const,
    });

    test("Route 53: records are created in the nearest public zone; texts join, other records are kept, foreign names told", async () => {
      const [parent, own] = [await zone("zones.example"), await zone("mail.zones.example")];
      await zone("private.zones.example", true);
      const first = await createRecords(session, [
        wanted("mail.zones.example", "MX", "10 inbound-smtp.us-east-1.amazonaws.com"),
        wanted("zones.example", "TXT", "v=spf1 -all"),
        wanted("nowhere.test", "MX", "10 inbound-smtp.us-east-1.amazonaws.com"),
        {
          ...wanted("zones.example", "MX", "10 x"),
          state: { kind: "different", found: ["5 mx.old.example"], advice: "Move it by hand." },
        },
      ]);
      expect(first.map(({ outcome }) => outcome)).toEqual(["created", "created", "no-zone", "kept"]);
      expect(first[0]?.says).toBe("in the zone mail.zones.example");
      expect(first[3]?.says).toBe("Move it by hand.");
      const again = await createRecords(session, [
        wanted("mail.zones.example", "MX", "10 inbound-smtp.eu-west-1.amazonaws.com"),
        wanted("zones.example", "TXT", "site-verification=1"),
        wanted("zones.example", "TXT", "v=spf1 -all"),
      ]);
      expect(again.map(({ outcome }) => outcome)).toEqual(["kept", "created", "kept"]);
      expect(await recordsOf(own)).toEqual(["mail.zones.example. MX 10 inbound-smtp.us-east-1.amazonaws.com"]);
      expect((await recordsOf(parent)).sort()).toEqual([
        'zones.example. TXT "site-verification=1"',
        'zones.example. TXT "v=spf1 -all"',
      ]);
    });

    test("dns --create says what DNS says, creates what is missing, and never touches another MX", async () => {
      const id = await zone("created.test");
      await writeFile(
        join(folder, "zone.json"),
        JSON.stringify({ "moved.test": { MX: [{ priority: 5, exchange: "mx.old.test" }] } }),
      );
      const file = join(folder, "dns.config.ts");
      await writeFile(
        file,
        `export default { domains: ["created.test", "moved.test"], streams: { personal: { recipients: ["created.test", "moved.test"] } }, local: { dns: { zone: ${JSON.stringify(join(folder, "zone.json"))} } } };`,
      );
      const args = ["dns", "--stage", "prod", "--config", file, "--endpoint-url", moto.endpoint];
      const looked = await callCli([...args, "--json"]);
      expect(looked.exit).toBe(1);
      const states = looked.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(states.find(({ name, type }) => name === "created.test" && type === "MX")).toMatchObject({
        state: "missing",
        needed: true,
      });
      expect(states.find(({ name, type }) => name === "moved.test" && type === "MX")).toMatchObject({
        state: "different",
        found: ["5 mx.old.test"],
      });
      const created = await callCli([...args, "--create"]);
      expect(created.stdout).toMatch(/^created +created\.test\. .*MX/m);
      expect(created.stdout).toContain("no public hosted zone of this account holds it");
      expect(await recordsOf(id)).toEqual(
        expect.arrayContaining(["created.test. MX 10 inbound-smtp.us-east-1.amazonaws.com"]),
      );
    });

    test("the preflight's facts: what is there, what is not, and what nobody says", async () => {
      await new SESv2Client(options()).send(new CreateEmailIdentityCommand({ EmailIdentity: "known.example" }));
      const ses = new SESClient(options());
      await ses.send(new CreateReceiptRuleSetCommand({ RuleSetName: "theirs" }));
      await ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "theirs" }));
      const config = resolveConfig(
        {
          domains: ["known.example", "new.example"],
          streams: {
            personal: { recipients: ["known.example", "new.example"] },
            hooks: {
              recipients: ["hooks@known.example"],
              webhook: { url: "https://hooks.example.net/", secretFrom: { secretsManager: "own/hook" } },
            },
          },
          unsubscribe: {
            propagate: {
              webhooks: {
                crm: { url: "https://crm.example.net/", secretFrom: { parameter: "/own/none" } },
                erp: { url: "https://erp.example.net/", secretFrom: { secretsManager: "own/nowhere" } },
              },
            },
          },
        },
        { stage: "prod", accountId },
      );
      await new S3Client({ ...options(), forcePathStyle: true }).send(
        new CreateBucketCommand({ Bucket: config.names.bucket }),
      );
      expect((await gatherFacts(session, config, {})).deletesMailAfterDays).toEqual({
        known: Number.POSITIVE_INFINITY,
      });
      await new S3Client({ ...options(), forcePathStyle: true }).send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket: config.names.bucket,
          LifecycleConfiguration: {
            Rules: [
              { ID: "other", Status: "Enabled", Filter: { Prefix: "attachments/" }, Expiration: { Days: 7 } },
              { ID: "mail", Status: "Enabled", Filter: { Prefix: config.names.keyPrefix }, Expiration: { Days: 90 } },
            ],
          },
        }),
      );
      await new SecretsManagerClient(options()).send(
        new CreateSecretCommand({ Name: "own/hook", SecretString: "a secret of the hook" }),
      );
      const facts = await gatherFacts(session, config, { "known.example": { known: ["mx.old.example"] } });
      expect(facts).toMatchObject({
        accountId,
        stack: { known: null },
        activeRuleSet: { known: "theirs" },
        ruleSets: { known: ["theirs"] },
        leftBehind: { bucket: { known: true }, tokenSecret: { known: false } },
        deletesMailAfterDays: { known: 90 },
        secrets: {
          "own/hook": { known: true },
          "own/nowhere": { known: false },
          "parameter /own/none": { known: false },
        },
        mx: { "known.example": { known: ["mx.old.example"] } },
      });
      expect(facts.identities["known.example"]).toMatchObject({ known: { verified: expect.any(Boolean) } });
      expect(facts.identities["new.example"]).toEqual({ known: null });
      // moto has no IP filters: nobody knows, and nothing fails.
      expect(facts.filters).toHaveProperty("unknown");
    });

    test("keys of the tokens come from Secrets Manager and Parameter Store, and a rotated one is read again", async () => {
      const manager = new SecretsManagerClient(options());
      await manager.send(
        new CreateSecretCommand({ Name: "own/tokens", SecretString: "first secret of the tokens, long" }),
      );
      await manager.send(new CreateSecretCommand({ Name: "own/empty", SecretString: " " }));
      await new SSMClient(options()).send(
        new PutParameterCommand({
          Name: "/own/old",
          Type: "SecureString",
          Value: "an older secret of the tokens, long",
        }),
      );
      const config = resolveConfig(
        {
          domains: ["in.example"],
          streams: { unsubscribe: { recipients: ["unsubscribe@in.example"] } },
          tokens: {
            keys: [
              { id: "b", secretFrom: { secretsManager: "own/tokens" } },
              { id: "a", secretFrom: { parameter: "/own/old" } },
            ],
            addressSecretFrom: { parameter: "/own/old" },
          },
        },
        { stage: "prod", accountId },
      );
      let now = Date.parse("2026-08-04T09:00:00Z");
      const secrets = openSecrets(connection(), config, { now: () => new Date(now) });
      const ring = await secrets.keyRing();
      expect(ring.keys.map(({ id }) => id)).toEqual(["b", "a"]);
      const mail = { address: "ann@sender.example", list: "news" };
      const headersWith = (secret: typeof ring) =>
        createUnsubscriber({ secret, mailto: "unsubscribe@in.example", url: "https://in.example/u" }).headersFor(mail);
      const before = headersWith(ring);
      await manager.send(
        new PutSecretValueCommand({ SecretId: "own/tokens", SecretString: "second secret of the tokens, long" }),
      );
      expect(headersWith(await secrets.keyRing())).toEqual(before);
      now += 6 * 60_000;
      expect(headersWith(await secrets.keyRing())).not.toEqual(before);
      await expect(secrets.read({ secretsManager: "own/none" })).rejects.toThrow('There is no secret "own/none"');
      await expect(secrets.read({ parameter: "/own/none" })).rejects.toThrow('There is no secret "/own/none"');
      await expect(secrets.read({ secretsManager: "own/empty" })).rejects.toThrow("is empty");
      await expect(secrets.read({ env: "TOKENS" })).rejects.toThrow("no function on AWS has");
    });

    test("SES's account list: put and remove as its API has them; removing who is not there is done", async () => {
      const calls: string[] = [];
      const server = createServer(async (request, response) => {
        let body = "";
        for await (const chunk of request) body += chunk;
        calls.push(`${request.method} ${request.url} ${body}`);
        const isUnknown = request.method === "DELETE" && request.url?.includes("unknown");
        response.writeHead(isUnknown ? 404 : 200, {
          "content-type": "application/json",
          ...(isUnknown && { "x-amzn-errortype": "NotFoundException" }),
        });
        response.end("{}");
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      try {
        const list = openAccountList({ ...connection(), endpoint });
        expect(await list.put("ann@sender.example", "COMPLAINT")).toBe("done");
        expect(await list.remove("ann@sender.example")).toBe("done");
        expect(await list.remove("unknown@sender.example")).toBe("done");
      } finally {
        server.close();
      }
      expect(calls).toEqual([
        'PUT /v2/email/suppression/addresses {"EmailAddress":"ann@sender.example","Reason":"COMPLAINT"}',
        "DELETE /v2/email/suppression/addresses/ann%40sender.example ",
        "DELETE /v2/email/suppression/addresses/unknown%40sender.example ",
      ]);
    });
  },
);
