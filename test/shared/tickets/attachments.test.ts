import { createHash } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { attachmentPieces, parseMail } from "../../../shared/mail/parse-mail.ts";
import type { Attachment } from "../../../shared/mail/parsed-mail.ts";
import { openContent } from "../../../shared/streams/open-content.ts";
import { sesMessageIdOf } from "../../../shared/streams/stored-object.ts";
import { attachmentShelf } from "../../../shared/tickets/attachments.ts";
import { openPipeline, type Pipeline } from "../../functions/pipeline.ts";
import { testConfig } from "../streams/stream-fixture.ts";

const open: Pipeline[] = [];
afterEach(async () => {
  for (const pipeline of open.splice(0)) await pipeline.close();
});
async function start(encrypt: boolean): Promise<Pipeline> {
  const pipeline = await openPipeline(testConfig({ encrypt }));
  open.push(pipeline);
  return pipeline;
}

function file(fileName: string, text: string) {
  const bytes = Buffer.from(text);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const attachment: Attachment = {
    fileName,
    contentType: "application/pdf",
    sizeBytes: bytes.length,
    sha256,
    inline: false,
    kind: "file",
    part: 1,
  };
  return { attachment, bytes };
}

async function shelve({ ports, config }: Pipeline, files: readonly ReturnType<typeof file>[]) {
  const shelf = attachmentShelf(ports, config);
  for (const { attachment, bytes } of files) await shelf.add(attachment, [bytes]);
  return shelf.stored;
}

async function read({ ports }: Pipeline, object: { bucket: string; key: string }): Promise<string> {
  const opened = await openContent(ports, object.key.slice(object.key.lastIndexOf("/") + 1) as never, {
    kind: "s3",
    ...object,
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of await opened.body()) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test.for([false, true])("files become objects by their content, each once, encrypted: %s", async (encrypt) => {
  const pipeline = await start(encrypt);
  const { ports, config } = pipeline;
  const files = [file("invoice.pdf", "%PDF 1"), file("copy of invoice.pdf", "%PDF 1"), file("b.pdf", "%PDF 2")];
  const stored = await shelve(pipeline, files);
  expect(stored.map(({ fileName }) => fileName)).toEqual(["invoice.pdf", "copy of invoice.pdf", "b.pdf"]);
  expect(stored[0]?.object).toEqual(stored[1]?.object);
  const listed = await ports.objects.list(config.names.bucket, { prefix: "attachments/", limit: 10 });
  expect(listed.length).toBe(2);
  for (const [index, { object }] of stored.entries()) {
    expect(await read(pipeline, object)).toBe(files[index]?.bytes.toString());
    expect(sesMessageIdOf(config, object)).toBeUndefined();
  }
  const raw = await ports.objects.open(stored[2]?.object ?? { bucket: "", key: "" });
  const chunks: Uint8Array[] = [];
  for await (const chunk of raw.body) chunks.push(chunk);
  expect(Buffer.concat(chunks).includes("%PDF 2")).toBe(!encrypt);
  expect(await shelve(pipeline, files)).toEqual(stored);
});

test("what goes beyond the limit stays in the raw mail", async () => {
  const pipeline = await start(false);
  const many = Array.from({ length: 300 }, () => file("x", "x"));
  expect((await shelve(pipeline, many)).length).toBe(200);
});

test.for([false, true])("large files cross in pieces, between small ones, encrypted: %s", async (encrypt) => {
  const pipeline = await start(encrypt);
  const files = [
    Buffer.alloc(3_000_000, "a film "),
    Buffer.from("a word"),
    Buffer.alloc(2_000_001, "a song "),
    Buffer.alloc(3_000_000, "a film "),
  ];
  const parts = files.map(
    (bytes, number) =>
      `--b\r\nContent-Type: video/mp4; name=f${number}.mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n${bytes.toString("base64").replace(/.{76}/g, "$&\r\n")}\r\n`,
  );
  const mail = Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts.join("")}--b--\r\n`);
  async function* source() {
    for (let at = 0; at < mail.length; at += 65_536) yield mail.subarray(at, at + 65_536);
  }
  let opened = 0;
  const shelveMail = async () => {
    const shelf = attachmentShelf(pipeline.ports, pipeline.config);
    await parseMail(source(), { onAttachment: shelf.add });
    await shelf.addLarge(async () => {
      opened += 1;
      return attachmentPieces(source());
    });
    return shelf.stored;
  };
  const stored = await shelveMail();
  expect(stored.map(({ sizeBytes }) => sizeBytes)).toEqual(files.map(({ length }) => length));
  for (const [index, { object }] of stored.entries())
    expect((await read(pipeline, object)) === files[index]?.toString()).toBe(true);
  // What is there already is not read again.
  expect(await shelveMail()).toEqual(stored);
  expect(opened).toBe(1);
});
