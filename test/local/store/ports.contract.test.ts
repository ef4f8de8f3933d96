import { mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { openStore } from "../../../local/store/open-store.ts";
import type { ComposeBounce } from "../../../local/store/outbox.ts";
import { keysContract } from "../../contract/keys.ts";
import { ledgerContract } from "../../contract/ledger.ts";
import { limitsContract } from "../../contract/limits.ts";
import { mailboxesContract } from "../../contract/mailboxes.ts";
import { objectsContract } from "../../contract/objects.ts";
import { bytesOf, freshId, inPieces } from "../../contract/opened.ts";
import { outboxContract } from "../../contract/outbox.ts";
import { propagationsContract } from "../../contract/propagations.ts";
import { quarantineContract } from "../../contract/quarantine.ts";
import { queuesContract } from "../../contract/queues.ts";
import { recordsContract } from "../../contract/records.ts";
import { sendersContract } from "../../contract/senders.ts";
import { suppressionsContract } from "../../contract/suppressions.ts";
import { talliesContract } from "../../contract/tallies.ts";
import { ticketsContract } from "../../contract/tickets.ts";
import { topicsContract } from "../../contract/topics.ts";
import { fixedClock, noticeTopic, testRandom, testTopology } from "./store-fixture.ts";

const keyArn = "arn:aws:kms:us-east-1:000000000000:key/6d61696c-7765-4972-8000-000000000001";

const composeBounce: ComposeBounce = async ({ originalMessageId, recipients }) => ({
  messageId: freshId(),
  to: "ann@sender.example",
  raw: Buffer.from(`Subject: ${originalMessageId} ${recipients.length}\r\n\r\n`),
});

async function open() {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-contract-"));
  const clock = fixedClock();
  const {
    ports,
    close,
    folder: layout,
  } = await openStore({
    folder,
    topology: testTopology,
    clock,
    random: testRandom(folder),
    composeBounce,
    kmsKeyArns: [keyArn],
    hasTicketSinks: true,
  });
  return {
    ports,
    layout,
    advance: clock.advance,
    now: clock.now,
    async close() {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

ledgerContract("SQLite", open);
sendersContract("SQLite", open);
limitsContract("SQLite", open);
talliesContract("SQLite", open);
queuesContract("SQLite", async () => ({ ...(await open()), queue: "ticket", deadLetterQueue: "ticket-dlq" }));
objectsContract("SQLite and files", async () => ({ ...(await open()), bucket: "mail" }));
topicsContract("SQLite", async () => ({
  ...(await open()),
  topicArn: noticeTopic,
  rawQueue: "notices",
  envelopeQueue: "copies",
  missingTopicArn: `${noticeTopic}-missing`,
}));
suppressionsContract("SQLite", async () => ({ ...(await open()), propagateQueue: "propagate" }));
propagationsContract("SQLite", open);
ticketsContract("SQLite", async () => ({ ...(await open()), propagateQueue: "propagate" }));
quarantineContract("SQLite", open);
recordsContract("SQLite", open);
keysContract("the local key store", async () => {
  const { ports, close } = await open();
  return { keys: ports.keys, keyArn, missingKeyArn: `${keyArn.slice(0, -1)}2`, close };
});
outboxContract("SQLite and a folder", async () => {
  const opened = await open();
  return {
    ...opened,
    async sent(original) {
      await opened.ports.outbox.filed();
      const names = await readdir(opened.layout.outbox);
      const mails = await Promise.all(names.map((name) => readFile(join(opened.layout.outbox, name), "utf8")));
      return mails.filter((mail) => mail.includes(original)).length;
    },
    async mails(text) {
      const { outbox } = opened.ports;
      await outbox.filed();
      const found = [];
      for (const { number, envelopeSender, recipients, messageId } of await outbox.list({ limit: 100 })) {
        const file = join(opened.layout.outbox, `${messageId.replace(/[^A-Za-z0-9._-]/g, "_")}-${number}.eml`);
        const raw = await readFile(file, "utf8");
        expect((await bytesOf(outbox.open(number) ?? inPieces())).toString()).toBe(raw);
        if (raw.includes(text)) {
          found.push({ envelopeSender, recipients: recipients.map(({ recipient }) => recipient), raw });
        }
      }
      return found;
    },
  };
});
mailboxesContract("Maildir", async () => {
  const opened = await open();
  const part = (mailbox: string, name: string) => join(opened.layout.maildir, mailbox, name);
  const names = async (folder: string) => readdir(folder).catch(() => []);
  return {
    ...opened,
    async contents(mailbox) {
      const folders = [part(mailbox, "new"), part(mailbox, "cur")];
      const files = await Promise.all(folders.map(async (at) => (await names(at)).map((name) => join(at, name))));
      return Promise.all(files.flat().map((file) => readFile(file, "utf8")));
    },
    async readNew(mailbox) {
      for (const name of await names(part(mailbox, "new"))) {
        await rename(join(part(mailbox, "new"), name), join(part(mailbox, "cur"), `${name}:2,FS`));
      }
    },
  };
});
