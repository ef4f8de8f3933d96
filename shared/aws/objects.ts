import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { ObjectHead, ObjectRef, ObjectStore } from "../ports.ts";
import { ObjectNotFoundError } from "../streams/errors.ts";
import { call, errorName } from "./call.ts";
import { type Connection, clientOptions } from "./connection.ts";

// The first read brings this much: nearly every mail whole. The rest is asked for when somebody reads on, so that a body
// that nobody reads holds no connection.
const firstBytes = 1_048_576;
const chunkBytes = 65_536;
// S3's parts have at least 5 MiB; 40 MB of mail are five of these.
const partBytes = 8_388_608;

export function openObjects(connection: Connection): ObjectStore {
  // Names of buckets are no host names on an emulator.
  const pathStyle = connection.endpoint !== undefined && { forcePathStyle: true };
  return createObjects(new S3Client({ ...clientOptions(connection), ...pathStyle }));
}

/** `ObjectStore` on S3. Bodies of unknown length are uploaded in parts and appear when the last one is there. */
export function createObjects(client: S3Client): ObjectStore {
  return {
    put: (ref, body, metadata = {}) =>
      body instanceof Uint8Array ? putWhole(client, ref, body, metadata) : putStream(client, ref, body, metadata),
    async head(ref) {
      try {
        const answer = await call(
          `S3 HeadObject ${place(ref)}`,
          () => client.send(new HeadObjectCommand({ Bucket: ref.bucket, Key: ref.key })),
          missing,
        );
        return headOf(answer, answer.ContentLength ?? 0);
      } catch (error) {
        if (missing.includes(errorName(error))) return undefined;
        throw error;
      }
    },
    async open(ref) {
      try {
        const answer = await read(client, ref, `bytes=0-${firstBytes - 1}`);
        const sizeBytes = Number(answer.ContentRange?.split("/")[1] ?? answer.ContentLength ?? 0);
        const first = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
        return { ...headOf(answer, sizeBytes), body: bodyOf(client, ref, first, sizeBytes, answer.ETag) };
      } catch (error) {
        if (missing.includes(errorName(error))) throw new ObjectNotFoundError(ref);
        // RFC 9110 §15.5.17: an empty object has no first octet.
        if (errorName(error) !== "InvalidRange") throw error;
        const head = await this.head(ref);
        if (head === undefined) throw new ObjectNotFoundError(ref);
        return { ...head, body: inChunks([]) };
      }
    },
    async delete({ bucket, key }) {
      await call(`S3 DeleteObject ${place({ bucket, key })}`, () =>
        client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })),
      );
    },
    async list(bucket, { prefix, after, limit }) {
      const found: { key: string; sizeBytes: number; lastModified: Date }[] = [];
      let token: string | undefined;
      while (found.length < limit) {
        const command = new ListObjectsV2Command({
          Bucket: bucket,
          MaxKeys: Math.min(1000, limit - found.length),
          // Keys may hold what XML cannot.
          EncodingType: "url",
          ...(prefix !== undefined && { Prefix: prefix }),
          ...(after !== undefined && { StartAfter: after }),
          ...(token !== undefined && { ContinuationToken: token }),
        });
        const answer = await call(`S3 ListObjectsV2 ${bucket}`, () => client.send(command));
        for (const { Key, Size, LastModified } of answer.Contents ?? []) {
          const key = decodeURIComponent((Key ?? "").replaceAll("+", " "));
          found.push({ key, sizeBytes: Size ?? 0, lastModified: LastModified ?? new Date(0) });
        }
        token = answer.NextContinuationToken;
        if (token === undefined) break;
      }
      return found;
    },
  };
}

const missing = ["NoSuchKey", "NotFound"];

function read(client: S3Client, ref: ObjectRef, range: string, etag?: string): Promise<GetObjectCommandOutput> {
  const command = new GetObjectCommand({
    Bucket: ref.bucket,
    Key: ref.key,
    Range: range,
    ...(etag !== undefined && { IfMatch: etag }),
  });
  return call(`S3 GetObject ${place(ref)}`, () => client.send(command), [...missing, "InvalidRange"]);
}

async function* bodyOf(
  client: S3Client,
  ref: ObjectRef,
  first: Uint8Array,
  sizeBytes: number,
  etag: string | undefined,
): AsyncGenerator<Uint8Array> {
  yield* inChunks([first]);
  if (first.length >= sizeBytes) return;
  // The same object still: what was replaced meanwhile must not be glued together.
  const answer = await read(client, ref, `bytes=${first.length}-`, etag);
  if (answer.Body) yield* inChunks(answer.Body as unknown as AsyncIterable<Uint8Array>);
}

async function* inChunks(from: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of from) {
    for (let at = 0; at < piece.length; at += chunkBytes) yield piece.subarray(at, at + chunkBytes);
  }
}

async function putWhole(
  client: S3Client,
  { bucket, key }: ObjectRef,
  body: Uint8Array,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  await call(`S3 PutObject ${place({ bucket, key })}`, () =>
    client.send(
      new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, Metadata: metadata, ContentLength: body.length }),
    ),
  );
}

async function putStream(
  client: S3Client,
  ref: ObjectRef,
  body: AsyncIterable<Uint8Array>,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const { bucket: Bucket, key: Key } = ref;
  const what = `S3 multipart upload ${place(ref)}`;
  let upload: string | undefined;
  const parts: CompletedPart[] = [];
  const send = async (part: Uint8Array) => {
    upload ??= (
      await call(what, () => client.send(new CreateMultipartUploadCommand({ Bucket, Key, Metadata: metadata })))
    ).UploadId;
    const PartNumber = parts.length + 1;
    const command = new UploadPartCommand({ Bucket, Key, UploadId: upload, PartNumber, Body: part });
    const { ETag } = await call(what, () => client.send(command));
    parts.push({ PartNumber, ETag });
  };
  try {
    let waiting: Uint8Array[] = [];
    let waitingBytes = 0;
    for await (const chunk of body) {
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes < partBytes) continue;
      await send(Buffer.concat(waiting));
      waiting = [];
      waitingBytes = 0;
    }
    const last = Buffer.concat(waiting);
    if (upload === undefined) return await putWhole(client, ref, last, metadata);
    if (last.length > 0) await send(last);
    const command = new CompleteMultipartUploadCommand({
      Bucket,
      Key,
      UploadId: upload,
      MultipartUpload: { Parts: parts },
    });
    await call(what, () => client.send(command));
  } catch (error) {
    if (upload !== undefined) {
      const command = new AbortMultipartUploadCommand({ Bucket, Key, UploadId: upload });
      // The bucket's lifecycle removes what cannot be aborted now; the first error is the one to report.
      await client.send(command).catch(() => undefined);
    }
    throw error;
  }
}

function headOf(answer: Pick<GetObjectCommandOutput, "Metadata" | "LastModified">, sizeBytes: number): ObjectHead {
  return { sizeBytes, metadata: answer.Metadata ?? {}, lastModified: answer.LastModified ?? new Date(0) };
}

const place = ({ bucket, key }: ObjectRef) => `s3://${bucket}/${key}`;
