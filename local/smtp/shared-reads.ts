import type { Socket } from "node:net";

// As much as Node reads at once.
const buffer = Buffer.allocUnsafeSlow(65_536);

/**
 * Has all that a socket receives read into one buffer that all sockets share, and shows it to `take`, which must have copied
 * what it keeps when it returns. Otherwise Node makes a buffer of 64 KB for each read, and a large mail leaves hundreds of
 * them to the garbage collector. `onread` of `net.connect` does the same for the sockets that a client opens; those of a
 * server cannot be given it, so it is set where Node keeps it. Where that is somewhere else, everything works as always:
 *
 * @returns false when the socket emits `data` instead
 */
export function shareReads(socket: Socket, take: (chunk: Buffer) => void): boolean {
  const handle: unknown = Reflect.get(socket, "_handle");
  const [bufferOf, callbackOf] = keys(socket);
  if (!isReusing(handle) || !bufferOf || !callbackOf) return false;
  handle.useUserBuffer(buffer);
  Reflect.set(socket, bufferOf, buffer);
  Reflect.set(socket, callbackOf, (octets: number) => take(buffer.subarray(0, octets)));
  return true;
}

/** Its reads are somebody else's from now on: TLS reads below it. */
export function unshareReads(socket: Socket): void {
  for (const key of keys(socket)) if (key) Reflect.set(socket, key, null);
}

let found: readonly [symbol | undefined, symbol | undefined] | undefined;

function keys(socket: Socket): readonly [symbol | undefined, symbol | undefined] {
  found ??= ["kBuffer", "kBufferCb"].map((name) =>
    Object.getOwnPropertySymbols(socket).find(({ description }) => description === name),
  ) as [symbol | undefined, symbol | undefined];
  return found;
}

function isReusing(handle: unknown): handle is { useUserBuffer(buffer: Buffer): void } {
  return typeof handle === "object" && handle !== null && "useUserBuffer" in handle;
}
