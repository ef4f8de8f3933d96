import { Webhook } from "standardwebhooks";
import { expect, onTestFinished, test } from "vitest";
import { type Call, secret, useWebhookReceiver } from "../../functions/webhook-receiver.ts";
import { mail, startConsoleEngine } from "../../local/console/console-engine.ts";

const receiver = useWebhookReceiver();
const idOf = ({ headers }: Call) => String(headers["webhook-id"]);

// Slow because the waits between the attempts, five seconds and a minute, are real.
test("in an engine a failed attempt waits in the queue without costing a receive, and the journey says how it ended", async () => {
  process.env["MAILWEIR_TEST_HOOK"] = secret;
  onTestFinished(() => {
    delete process.env["MAILWEIR_TEST_HOOK"];
  });
  receiver.answers = [500, 503];
  const webhook = { ...receiver.webhook, secretFrom: { env: "MAILWEIR_TEST_HOOK" } };
  const running = await startConsoleEngine({ streams: { invoices: { recipients: ["example.com"], webhook } } });
  onTestFinished(() => running.close());
  const id = await running.send(mail("Invoice 7"), ["invoices@example.com"]);
  const [recipient] = await ended(running, id);
  expect(recipient).toMatchObject({ stream: "invoices", state: "done", outcome: "webhook", attempts: 3 });
  expect(receiver.calls.map(idOf)).toEqual(Array(3).fill(`${id}.invoices%40example.com`));
  for (const { headers, body } of receiver.calls) {
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
      type: "mail.received",
    });
  }
});

async function ended(running: Awaited<ReturnType<typeof startConsoleEngine>>, id: string) {
  for (;;) {
    const response = await running.fetch(`/api/messages/${id}`);
    const { recipients } = (await response.json()) as { recipients: { state: string; cause?: string }[] };
    if (recipients.length > 0 && recipients.every(({ state }) => ["done", "failed"].includes(state))) return recipients;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
