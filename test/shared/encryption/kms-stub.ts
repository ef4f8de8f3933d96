import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Keys } from "../../../shared/encryption/keys.ts";
import { MailweirError } from "../../../shared/errors.ts";

export interface KmsRequest {
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
}

/** AWS KMS's JSON protocol on loopback, in front of any `Keys`, for our client and for other people's. */
export async function startKmsStub(keys: Keys, keyArn: string) {
  const requests: KmsRequest[] = [];
  const server = createServer(async (request, response) => {
    const answer = await answerTo(request).catch((error: unknown) => {
      const code = error instanceof MailweirError ? error.code : "";
      response.statusCode = code === "" ? 500 : 400;
      return { __type: errorTypes[code] ?? "KMSInternalException", message: "" };
    });
    response.setHeader("content-type", "application/x-amz-json-1.1");
    response.end(JSON.stringify(answer));
  });

  async function answerTo(request: IncomingMessage): Promise<object> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    requests.push({ headers: request.headers, body });
    const context = body.EncryptionContext ?? {};
    switch (request.headers["x-amz-target"]) {
      case "TrentService.GenerateDataKey": {
        const { plaintext, ciphertextBlob } = await keys.generateDataKey(body.KeyId, context);
        return { KeyId: keyArn, Plaintext: base64(plaintext), CiphertextBlob: base64(ciphertextBlob) };
      }
      case "TrentService.Decrypt": {
        const plaintext = await keys.decrypt(Buffer.from(body.CiphertextBlob, "base64"), context);
        return { KeyId: keyArn, Plaintext: base64(plaintext), EncryptionAlgorithm: "SYMMETRIC_DEFAULT" };
      }
      default:
        throw new Error(`no such operation: ${request.headers["x-amz-target"]}`);
    }
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const errorTypes: Record<string, string> = {
  ERR_INVALID_CIPHERTEXT: "InvalidCiphertextException",
  ERR_KEY_NOT_FOUND: "NotFoundException",
};

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString("base64");
