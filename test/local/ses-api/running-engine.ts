import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateReceiptRuleCommand,
  CreateReceiptRuleSetCommand,
  DeleteReceiptRuleSetCommand,
  type ReceiptRule,
  SESClient,
  SetActiveReceiptRuleSetCommand,
} from "@aws-sdk/client-ses";
import { createTransport } from "nodemailer";
import { onTestFinished } from "vitest";
import { type Engine, type EngineOptions, startEngine } from "../../../local/engine.ts";
import type { MailConfig } from "../../../shared/config/types.ts";
import { toApiRule } from "../../../shared/receipt/api-rule.ts";
import type { RuleSet } from "../../../shared/receipt/model.ts";
import type { SesMessageId } from "../../../shared/ses-message-id.ts";

// Handlers that run in this process log to its stdout, one line per decision; they are loaded at the first mail.
process.env["POWERTOOLS_LOG_LEVEL"] = "ERROR";

export interface RunningEngine {
  readonly engine: Engine;
  readonly folder: string;
  /** The unmodified SDK, pointed at the engine's HTTP port. */
  readonly client: SESClient;
  /** By SMTP. Answers the SES message id and who was refused with which reply. */
  send(mail: OutgoingTestMail): Promise<Sent>;
  /** Ends the engine, and starts it again on the same folder. */
  restart(): Promise<RunningEngine>;
}

export interface OutgoingTestMail {
  readonly from?: string;
  readonly to: readonly string[];
  /** The whole message, CRLF; without, a short one. */
  readonly raw?: Buffer;
}

export interface Sent {
  /** Absent when every recipient was refused. */
  readonly id?: SesMessageId;
  /** `<recipient> <reply>` of those who were refused. */
  readonly refused: readonly string[];
}

/** The module of a Lambda function that answers with what its test wants, and throws what it calls for. */
export async function functionModule(folder: string, name: string, answer: unknown): Promise<string> {
  const file = join(folder, `${name}.mjs`);
  await writeFile(file, `export const handler = async () => (${JSON.stringify(answer)});\n`);
  return file;
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-ses-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** A whole engine on free ports; ends with the test. Its DNS is a zone file, by default an empty one. */
export async function runEngine(
  config: MailConfig,
  given?: string,
  more: Pick<EngineOptions, "clock"> & { readonly zone?: object } = {},
): Promise<RunningEngine> {
  const folder = given ?? (await temporaryFolder());
  const zone = join(folder, "zone.json");
  await writeFile(zone, JSON.stringify(more.zone ?? {}));
  const whole = { ...config, local: { dns: { zone }, ...config.local } };
  const start = async (): Promise<RunningEngine> => {
    const engine = await startEngine({
      config: whole,
      ...(more.clock && { clock: more.clock }),
      smtp: "127.0.0.1:0",
      http: "127.0.0.1:0",
      data: join(folder, "data"),
      stderr: "none",
    });
    onTestFinished(() => engine.stop());
    const [host = "", port = ""] = engine.smtp.split(":");
    const transport = createTransport({ host, port: Number(port), ignoreTLS: true, name: "mx.example.net" });
    const client = clientFor(engine.http);
    onTestFinished(() => {
      transport.close();
      client.destroy();
    });
    return {
      engine,
      folder,
      client,
      send: (mail) => sendMail(transport, mail),
      async restart() {
        await engine.stop();
        return start();
      },
    };
  };
  return start();
}

export function clientFor(endpoint: string): SESClient {
  return new SESClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
    maxAttempts: 1,
  });
}

async function sendMail(
  transport: ReturnType<typeof createTransport>,
  { from = "person@example.net", to, raw = shortMail(to) }: OutgoingTestMail,
): Promise<Sent> {
  try {
    const sent = await transport.sendMail({ envelope: { from, to: [...to] }, raw });
    const id = /^250 OK ([0-9a-z]{40})/.exec(sent.response)?.[1];
    if (id === undefined) throw new Error(`no SES message id in ${sent.response}`);
    return { id: id as SesMessageId, refused: (sent.rejectedErrors ?? []).map(refusal) };
  } catch (error) {
    const { rejectedErrors } = error as { readonly rejectedErrors?: readonly SmtpError[] };
    if (!rejectedErrors) throw error;
    return { refused: rejectedErrors.map(refusal) };
  }
}

type SmtpError = Error & { readonly recipient?: string; readonly response?: string };
const refusal = ({ recipient, response }: SmtpError) => `${recipient} ${response}`;

function shortMail(to: readonly string[]): Buffer {
  return Buffer.from(
    ["From: A Person <person@example.net>", `To: ${to.join(", ")}`, "Subject: a word", "", "A word.\r\n"].join("\r\n"),
  );
}

/** What the rules did with a message, when they have ended: `<rule>.<action index> <type> <state>: <result>`. */
export async function actionsOf(engine: Engine, id: SesMessageId): Promise<string[]> {
  for (;;) {
    await engine.settled();
    const log = await engine.store.engine.actionLog(id);
    if (log.every(({ state }) => state === "done" || state === "failed")) {
      return log.map(
        ({ ruleName, actionIndex, actionType, state }) => `${ruleName}.${actionIndex} ${actionType} ${state}`,
      );
    }
    await sleep(10);
  }
}

/** Makes a rule set through the SDK, its rules in this order, and activates it; replaces one of that name. */
export async function activateRuleSet(client: SESClient, { name, rules }: RuleSet): Promise<void> {
  await client.send(new SetActiveReceiptRuleSetCommand({}));
  await client.send(new DeleteReceiptRuleSetCommand({ RuleSetName: name }));
  await createRuleSet(client, { name, rules });
  await client.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: name }));
}

export async function createRuleSet(client: SESClient, { name, rules }: RuleSet): Promise<void> {
  await client.send(new CreateReceiptRuleSetCommand({ RuleSetName: name }));
  let after: string | undefined;
  for (const rule of rules) {
    // The same members; the SDK's lists are not read-only.
    const Rule = structuredClone(toApiRule(rule)) as unknown as ReceiptRule;
    await client.send(new CreateReceiptRuleCommand({ RuleSetName: name, Rule, After: after }));
    after = rule.name;
  }
}
