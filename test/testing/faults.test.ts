import { expect, onTestFinished, test } from "vitest";
import type { MailConfig } from "../../shared/config/types.ts";
import { type Mailweir, startMailweir } from "../../testing/main.ts";

async function start(more: Partial<MailConfig> = {}): Promise<Mailweir> {
  const mailweir = await startMailweir({
    config: {
      domains: ["example.com"],
      streams: { ticket: { recipients: ["support@example.com"] } },
      ...more,
    },
  });
  onTestFinished(() => mailweir.stop());
  return mailweir;
}

const toSupport = { to: "support@example.com", subject: "Broken door" };

/** What an attempt ended with, and that the mail is worked on in the end: once. */
async function comesThrough(mailweir: Mailweir, failed: RegExp): Promise<void> {
  const mail = await mailweir.inject(toSupport);
  await expect(mailweir.waitFor("ticket", { mail })).rejects.toThrow(failed);
  await mailweir.advance({ hours: 1 });
  const ticket = await mailweir.waitFor("ticket", { mail });
  expect(ticket.entries.filter(({ kind }) => kind === "mail")).toHaveLength(1);
}

test("an object that is not there yet", async () => {
  const mailweir = await start();
  mailweir.faults.objectMissing();
  await comesThrough(mailweir, /everything has run.*due at/s);
});

test("an object that never comes: failed, and the reason is told", async () => {
  const mailweir = await start();
  mailweir.faults.objectMissing(Number.POSITIVE_INFINITY);
  const mail = await mailweir.inject(toSupport);
  await mailweir.advance({ hours: 12 });
  expect(await mailweir.waitFor("stream", { mail, state: "failed" })).toMatchObject({
    cause: expect.stringContaining("No object"),
  });
  await expect(mailweir.waitFor("ticket", { mail })).rejects.toThrow(/failed, stream ticket.*No object/s);
});

test("a notice that comes twice opens one ticket", async () => {
  const mailweir = await start();
  mailweir.faults.noticeTwice();
  const mail = await mailweir.inject(toSupport);
  expect(await mailweir.waitFor("ticket", { mail })).toMatchObject({ id: 1 });
  await mailweir.settled();
  const again = await mailweir.inject({ ...toSupport, subject: "Another", from: "bob@sender.example" });
  expect(await mailweir.waitFor("ticket", { mail: again })).toMatchObject({ id: 2 });
});

test("a notice that comes late", async () => {
  const mailweir = await start();
  mailweir.faults.noticeLate({ minutes: 5 });
  const mail = await mailweir.inject(toSupport);
  await expect(mailweir.waitFor("ticket", { mail })).rejects.toThrow(/due at 2026-01-01T12:05:00\.000Z/);
  await mailweir.advance({ minutes: 4 });
  await expect(mailweir.waitFor("ticket", { mail })).rejects.toThrow("No ticket");
  await mailweir.advance({ minutes: 2 });
  expect(await mailweir.waitFor("ticket", { mail })).toMatchObject({ id: 1 });
});

test("a notice that comes later than the safety net: the object's event routes it, and once is once", async () => {
  const mailweir = await start();
  mailweir.faults.noticeLate({ hours: 1 });
  const mail = await mailweir.inject(toSupport);
  await mailweir.advance({ minutes: 20 });
  expect(await mailweir.waitFor("ticket", { mail })).toMatchObject({ id: 1 });
  await mailweir.advance({ hours: 2 });
  const { recipients } = await mailweir.journey(mail);
  expect(recipients).toMatchObject([{ state: "done", attempts: 1 }]);
});

test.for(["work-ticket", "route-notification", "journal"])("%s ends at its time-out, nothing done", async (name) => {
  const mailweir = await start();
  mailweir.faults.functionTimeout(name);
  const mail = await mailweir.inject(toSupport);
  await mailweir.advance({ hours: 1 });
  const ticket = await mailweir.waitFor("ticket", { mail });
  expect(ticket.entries).toHaveLength(1);
});

test.for(["work-ticket", "route-notification"])("%s: done, and the answer lost; its effect stays one", async (name) => {
  const mailweir = await start();
  mailweir.faults.functionTimeout(name, { times: 2, effects: "done" });
  const mail = await mailweir.inject(toSupport);
  await mailweir.advance({ hours: 1 });
  expect(await mailweir.waitFor("ticket", { mail })).toMatchObject({ id: 1, entries: [{ kind: "mail" }] });
  const next = await mailweir.inject({ ...toSupport, from: "bob@sender.example", subject: "Next" });
  expect(await mailweir.waitFor("ticket", { mail: next })).toMatchObject({ id: 2 });
});

test("a key that may not be used: the mail waits, and is read when it may be", async () => {
  const mailweir = await start({ encrypt: true });
  mailweir.faults.keyDenied();
  const mail = await mailweir.inject(toSupport);
  await expect(mailweir.waitFor("ticket", { mail })).rejects.toThrow("No ticket");
  mailweir.faults.clear();
  await mailweir.advance({ hours: 5 });
  expect(await mailweir.waitFor("ticket", { mail })).toMatchObject({ id: 1 });
});

test("a full disk: 452 to the sender, and nothing is kept; then there is room", async () => {
  const mailweir = await start();
  await mailweir.waitFor("ticket", { mail: await mailweir.inject(toSupport) });
  mailweir.faults.diskFull();
  await expect(mailweir.inject({ ...toSupport, subject: "Next" })).rejects.toMatchObject({
    code: "ERR_MAIL_REFUSED",
    reply: "452 4.3.1 Insufficient system storage",
  });
  mailweir.faults.diskFull(false);
  const mail = await mailweir.inject({ ...toSupport, from: "bob@sender.example", subject: "Next" });
  expect(await mailweir.waitFor("ticket", { mail })).toMatchObject({ id: 2 });
});

test("webhooks are answered here: what they were told, and with which id", async () => {
  process.env["TEST_WEBHOOK_SECRET"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  onTestFinished(() => void delete process.env["TEST_WEBHOOK_SECRET"]);
  const mailweir = await start({
    streams: { unsubscribe: { recipients: ["unsubscribe@example.com"] } },
    unsubscribe: {
      propagate: {
        webhooks: { shop: { url: "https://shop.example/hook", secretFrom: { env: "TEST_WEBHOOK_SECRET" } } },
      },
    },
  });
  const mail = await mailweir.inject({ to: "unsubscribe@example.com", subject: "unsubscribe", text: "" });
  await mailweir.waitFor("unsubscribe", { mail });
  await mailweir.settled();
  expect(mailweir.webhooks.map(({ url, body }) => [url, JSON.parse(body).type])).toEqual([
    ["https://shop.example/hook", "suppression.created"],
  ]);
});

test("a function that the engine does not have is no fault that never happens: its name throws, with those there are", async () => {
  const mailweir = await start({
    local: { functions: { "own-function": "test/local/invoke/modules/echo.ts" } },
    streams: { invoices: { recipients: ["invoices@example.com"], worker: async () => ({ outcome: "filed" }) } },
  });
  for (const name of ["bogus", "route-notifications"]) {
    expect(() => mailweir.faults.functionTimeout(name)).toThrow(
      expect.objectContaining({
        code: "ERR_TEST_KIT",
        message: expect.stringMatching(new RegExp(`"${name}".*route-notification.*work-own.*own-function`)),
      }),
    );
  }
  mailweir.faults.functionTimeout("work-own");
  mailweir.faults.functionTimeout("own-function");
});
