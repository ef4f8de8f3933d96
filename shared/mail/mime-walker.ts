/** What the walker tells about one entity. */
export interface EntityEvents {
  /** The header section as it stands, cut at the limit. Answers what lies behind it. */
  header(octets: Uint8Array, path: string, parentType: string): EntityBody;
  data(octets: Uint8Array): void;
  /** The leaf that `data` was for is complete. */
  end(): void;
  /** Text of a multipart before its first part. */
  preamble(octets: Uint8Array): void;
  /** A multipart ended in which no boundary was ever seen: its preamble is all there is. */
  noParts(path: string): void;
  defect(code: string, detail: string): void;
  exceeded(limit: string): void;
}

export type EntityBody =
  | { readonly kind: "leaf" }
  | { readonly kind: "multipart"; readonly boundary: string; readonly contentType: string };

export interface WalkLimits {
  readonly maxDepth: number;
  readonly maxParts: number;
  /** Of one entity. */
  readonly maxHeaderBytes: number;
}

interface Container {
  readonly boundary: string;
  /** The boundary that is used, when the declared one is another. */
  adopted?: string;
  readonly path: string;
  readonly contentType: string;
  children: number;
}

/**
 * Walks the entities of a message (RFC 2046) as its octets arrive, in time linear to them: bodies pass in large
 * pieces, only lines that start with "--" are looked at, and nothing but the current header section is held.
 */
export function createMimeWalker(
  events: EntityEvents,
  limits: WalkLimits,
): { write(chunk: Uint8Array): void; end(): void } {
  const stack: Container[] = [];
  let parts = 0;
  let mode: "header" | "leaf" | "skip" = "header";
  let path = "";
  let parentType = "";
  let pending: Buffer = Buffer.alloc(0);
  let header: Buffer[] = [];
  let headerSize = 0;
  let headerCut = false;
  let lineStart = true;

  function openBody(): void {
    const body = events.header(Buffer.concat(header), path, parentType);
    header = [];
    headerSize = 0;
    if (headerCut) events.exceeded(`a header section of more than ${limits.maxHeaderBytes} octets`);
    headerCut = false;
    if (body.kind === "leaf") {
      mode = "leaf";
      return;
    }
    // events.header has already refused nesting that is too deep.
    stack.push({ boundary: body.boundary, path, contentType: body.contentType, children: 0 });
    mode = "skip";
  }

  function closeEntity(): void {
    if (mode === "header") openBody();
    if (mode === "leaf") events.end();
    mode = "skip";
  }

  function leave(unclosed: boolean): void {
    const container = stack.pop();
    if (!container) return;
    if (unclosed) events.defect("boundary-not-closed", `multipart ${container.path || "message"}`);
    if (container.children === 0) events.noParts(container.path);
  }

  function emit(octets: Uint8Array): void {
    if (mode === "leaf") events.data(octets);
    else if (stack.at(-1)?.children === 0) events.preamble(octets);
  }

  /** Handles a line that starts with "--"; true when it was a boundary. */
  function boundaryLine(line: string): boolean {
    const text = line.slice(2).trimEnd();
    for (let level = stack.length - 1; level >= 0; level--) {
      const container = stack[level] as Container;
      const name =
        container.adopted !== undefined && text.startsWith(container.adopted) ? container.adopted : container.boundary;
      const isStart = text === name;
      if (!isStart && text !== `${name}--`) continue;
      closeEntity();
      // An empty header section may have opened a container of its own: it ends here as well.
      while (stack.length > level + 1) {
        leave(true);
      }
      if (!isStart) {
        leave(false);
        mode = "skip";
        return true;
      }
      container.children++;
      parts++;
      if (parts > limits.maxParts) {
        if (parts === limits.maxParts + 1) events.exceeded(`more than ${limits.maxParts} parts`);
        mode = "skip";
        return true;
      }
      path = container.path === "" ? `${container.children}` : `${container.path}.${container.children}`;
      parentType = container.contentType;
      mode = "header";
      return true;
    }
    return false;
  }

  /** Gateways that rewrite one of the two leave parts behind a boundary that nobody declared: a header field follows it. */
  function adopt(open: Container, line: Buffer, following: Buffer): void {
    const text = line.toString("latin1").slice(2).trimEnd();
    if (text === open.boundary || text === "" || !/^content-[a-z]/i.test(following.toString("latin1"))) return;
    if (stack.some(({ boundary }) => text === boundary || text === `${boundary}--`)) return;
    open.adopted = text;
    events.defect("boundary-mismatch", `multipart ${open.path || "message"}`);
  }

  function headerLine(line: Buffer): void {
    if (line.length <= 2 && /^\r?\n?$/.test(line.toString("latin1"))) {
      openBody();
      return;
    }
    if (headerSize + line.length > limits.maxHeaderBytes) {
      headerCut = true;
      return;
    }
    headerSize += line.length;
    header.push(line);
  }

  function pump(final: boolean): void {
    let at = 0;
    while (at < pending.length) {
      if (mode === "header") {
        const newline = pending.indexOf(0x0a, at);
        if (newline === -1 && !final && pending.length - at < 65_536) break;
        const stop = newline === -1 ? pending.length : newline + 1;
        const line = pending.subarray(at, stop);
        const complete = lineStart;
        lineStart = newline !== -1;
        at = stop;
        if (
          complete &&
          stack.length > 0 &&
          line[0] === 0x2d &&
          line[1] === 0x2d &&
          boundaryLine(line.subarray(0, 300).toString("latin1"))
        )
          continue;
        if (complete || newline === -1 || line.length > 2) headerLine(Buffer.from(line));
        continue;
      }
      if (stack.length === 0) {
        emit(pending.subarray(at));
        at = pending.length;
        break;
      }
      // Where the next line that may be a boundary starts, and where the line end before it starts.
      let dashes: number;
      let dataEnd: number;
      if (lineStart && pending[at] === 0x2d && (pending.length - at < 2 || pending[at + 1] === 0x2d)) {
        dashes = at;
        dataEnd = at;
      } else {
        const found = pending.indexOf("\n--", at + (lineStart ? 0 : 0), "latin1");
        if (found === -1) {
          let hold = final ? pending.length : holdFrom(pending, at);
          if (hold < at) hold = at;
          if (hold > at) emit(pending.subarray(at, hold));
          lineStart = hold > at ? false : lineStart;
          at = hold;
          break;
        }
        dashes = found + 1;
        dataEnd = found > at && pending[found - 1] === 0x0d ? found - 1 : found;
      }
      const newline = pending.indexOf(0x0a, dashes);
      if (newline === -1 && !final && pending.length - dashes < 300) {
        if (dataEnd > at) emit(pending.subarray(at, dataEnd));
        if (dataEnd > at) lineStart = false;
        at = dataEnd;
        break;
      }
      const stop = newline === -1 ? pending.length : newline + 1;
      const open = stack.at(-1);
      if (
        mode === "skip" &&
        open?.children === 0 &&
        open.adopted === undefined &&
        stop - dashes > 4 &&
        stop - dashes <= 300
      ) {
        if (!final && pending.length - stop < 16) {
          if (dataEnd > at) emit(pending.subarray(at, dataEnd));
          if (dataEnd > at) lineStart = false;
          at = dataEnd;
          break;
        }
        adopt(open, pending.subarray(dashes, stop), pending.subarray(stop, stop + 16));
      }
      if (dataEnd > at) emit(pending.subarray(at, dataEnd));
      if (stop - dashes <= 300 && boundaryLine(pending.subarray(dashes, stop).toString("latin1"))) {
        at = stop;
        lineStart = true;
        continue;
      }
      emit(pending.subarray(dataEnd, dashes + 2));
      at = dashes + 2;
      lineStart = false;
    }
    pending = Buffer.from(pending.subarray(at));
  }

  return {
    write(chunk) {
      const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      pending = pending.length === 0 ? octets : Buffer.concat([pending, octets]);
      pump(false);
    },
    end() {
      pump(true);
      closeEntity();
      while (stack.length > 0) leave(true);
    },
  };
}

/** The end of a piece that may belong to a boundary line which goes on in the next one. */
function holdFrom(pending: Buffer, at: number): number {
  const newline = pending.lastIndexOf(0x0a);
  if (newline >= at && newline >= pending.length - 2)
    return newline > at && pending[newline - 1] === 0x0d ? newline - 1 : newline;
  return pending.at(-1) === 0x0d ? pending.length - 1 : pending.length;
}
