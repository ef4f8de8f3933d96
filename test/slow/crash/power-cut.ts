import { readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

// The order of disk-shim.c.
const kinds = ["", "open", "write", "truncate", "sync", "rename", "unlink", "mkdir", "link", "reply", "begin"] as const;

/** One call that the engine made, in the order in which the system saw them. */
export interface DiskCall {
  readonly kind: (typeof kinds)[number];
  readonly fd: number;
  /** Offset of a write, length of a truncate, bits of an open. */
  readonly at: number;
  readonly octets: Buffer;
}

export function readRecord(file: string): DiskCall[] {
  const bytes = readFileSync(file);
  const calls: DiskCall[] = [];
  for (let at = 0; at + 20 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 16);
    // The engine ended in the middle of noting it.
    if (at + 20 + length > bytes.length) break;
    calls.push({
      kind: kinds[bytes.readUInt32LE(at)] ?? "",
      fd: bytes.readUInt32LE(at + 4),
      at: Number(bytes.readBigUInt64LE(at + 8)),
      octets: bytes.subarray(at + 20, at + 20 + length),
    });
    at += 20 + length;
  }
  return calls;
}

const created = 1;
const truncated = 2;

type Change =
  | { readonly kind: "write"; readonly at: number; readonly octets: Buffer }
  | { readonly kind: "truncate"; readonly length: number };

/** A file or folder, whatever its names are. */
interface Node {
  readonly folder: boolean;
  /** What the syncs wrote down, in a buffer with room to grow. */
  synced: Buffer;
  syncedBytes: number;
  readonly pending: Change[];
}

interface NameChange {
  readonly folder: string;
  /** Put, or taken away where it is undefined. */
  readonly path: string;
  readonly node: Node | undefined;
  /** A second change that comes with it or not at all: the old name of a rename inside one folder. */
  readonly with?: string;
  /** The old name of a rename goes only when the new one has come. */
  readonly behind?: { readonly path: string; readonly node: Node };
}

export interface CutOptions {
  /** Before this call. */
  readonly at: number;
  readonly random: () => number;
  /** How much of what was not synced is there all the same: 0 nothing, 1 all, as after a SIGKILL. */
  readonly survival: number;
  /** What a disk writes whole. */
  readonly sectorBytes: 512 | 4096;
}

export interface PowerCut {
  /** SES ids whose 250 was on its way before the cut. */
  readonly acknowledged: ReadonlySet<string>;
  /** Makes the data folder as the next start finds it. */
  rebuild(folder: string): Promise<void>;
}

/**
 * Goes through the record once and stops at each cut. A file's octets are durable with the sync of the file, its name with
 * the sync of its folder, as POSIX has it and no more; what was not synced survives or not, sector by sector, in any
 * combination. Names change in whole steps, as on every file system with a journal.
 *
 * @param ignoreSync - a sync that the engine is to have forgotten, by the path under which the file was opened
 */
export async function cutPower(
  calls: readonly DiskCall[],
  cuts: readonly CutOptions[],
  then: (cut: PowerCut, options: CutOptions) => Promise<void>,
  ignoreSync: (path: string) => boolean = () => false,
): Promise<void> {
  const root = createNode(true);
  const live = new Map<string, Node>([[".", root]]);
  const durable = new Map<string, Node>([[".", root]]);
  let names: NameChange[] = [];
  let open = new Map<number, { readonly path: string; readonly node: Node }>();
  const acknowledged = new Set<string>();
  const inOrder = [...cuts].sort((a, b) => a.at - b.at);

  const put = (path: string, node: Node) => {
    live.set(path, node);
    names.push({ folder: dirname(path), path, node });
  };
  const play = ({ kind, fd, at, octets }: DiskCall) => {
    const opened = open.get(fd);
    switch (kind) {
      case "begin":
        open = new Map();
        return;
      case "open": {
        const path = octets.toString();
        let node = live.get(path);
        if (!node) {
          node = createNode((at & ~(created | truncated)) !== 0);
          // One that was there before the record began has no history, and is as it is.
          if (at & created) put(path, node);
          else {
            live.set(path, node);
            durable.set(path, node);
          }
        } else if (at & truncated) node.pending.push({ kind: "truncate", length: 0 });
        open.set(fd, { path, node });
        return;
      }
      case "write":
        // A copy is not needed: the record lies in memory anyway.
        opened?.node.pending.push({ kind: "write", at, octets });
        return;
      case "truncate":
        opened?.node.pending.push({ kind: "truncate", length: at });
        return;
      case "sync":
        if (!opened || ignoreSync(opened.path)) return;
        if (opened.node.folder) {
          const stay: NameChange[] = [];
          for (const entry of names) if (entry.folder !== opened.path || !apply(durable, entry)) stay.push(entry);
          names = stay;
        } else {
          sync(opened.node);
        }
        return;
      case "rename": {
        const [from = "", to = ""] = octets.toString().split("\0");
        const node = live.get(from);
        if (!node) return;
        live.delete(from);
        live.set(to, node);
        const together = dirname(from) === dirname(to);
        names.push({ folder: dirname(to), path: to, node, ...(together && { with: from }) });
        if (!together) names.push({ folder: dirname(from), path: from, node: undefined, behind: { path: to, node } });
        return;
      }
      case "link": {
        const [from = "", to = ""] = octets.toString().split("\0");
        const node = live.get(from);
        if (node) put(to, node);
        return;
      }
      case "unlink": {
        const path = octets.toString();
        live.delete(path);
        names.push({ folder: dirname(path), path, node: undefined });
        return;
      }
      case "mkdir":
        // The data folder itself is somebody else's name.
        if (octets.toString() !== ".") put(octets.toString(), createNode(true));
        return;
      case "reply":
        acknowledged.add(octets.toString("latin1"));
    }
  };

  let next = 0;
  for (const options of inOrder) {
    for (; next < Math.min(options.at, calls.length); next++) play(calls[next] as DiskCall);
    const { random, survival, sectorBytes } = options;
    const survives = () => survival >= 1 || random() < survival;
    await then(
      {
        acknowledged: new Set(acknowledged),
        async rebuild(folder) {
          const there = new Map(durable);
          for (const entry of names) if (survives()) apply(there, entry);
          await rm(folder, { recursive: true, force: true });
          await mkdir(folder, { recursive: true });
          const contents = new Map<Node, Buffer>();
          // Folders first: what lies in one that is not there is not there either.
          for (const [path, node] of [...there].sort(([a], [b]) => depth(a) - depth(b))) {
            if (path === "." || there.get(dirname(path))?.folder !== true) continue;
            if (node.folder) {
              await mkdir(join(folder, path), { mode: 0o700 }).catch(() => undefined);
              continue;
            }
            const octets = contents.get(node) ?? contentOf(node, survives, sectorBytes);
            contents.set(node, octets);
            await writeFile(join(folder, path), octets, { mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
              if (error.code !== "ENOENT") throw error;
            });
          }
        },
      },
      options,
    );
  }
}

const depth = (path: string) => path.split("/").length;

const createNode = (folder: boolean): Node => ({ folder, synced: Buffer.alloc(0), syncedBytes: 0, pending: [] });

/** False: it must wait, because what it comes behind has not come. */
function apply(names: Map<string, Node>, { path, node, with: old, behind }: NameChange): boolean {
  if (behind && names.get(behind.path) !== behind.node) return false;
  if (node) names.set(path, node);
  else names.delete(path);
  if (old !== undefined) names.delete(old);
  return true;
}

function sync(node: Node): void {
  const needed = Math.max(node.syncedBytes, ...node.pending.map(endOf));
  if (needed > node.synced.length) {
    const grown = Buffer.alloc(2 * needed);
    node.synced.copy(grown, 0, 0, node.syncedBytes);
    node.synced = grown;
  }
  node.syncedBytes = applyChanges(node.synced, node.syncedBytes, node.pending, () => true, 4096);
  node.pending.length = 0;
}

/** The synced octets and, of what came behind, the sectors that survive. */
function contentOf(node: Node, survives: () => boolean, sectorBytes: number): Buffer {
  const octets = Buffer.alloc(Math.max(node.syncedBytes, ...node.pending.map(endOf)));
  node.synced.copy(octets, 0, 0, node.syncedBytes);
  const size = applyChanges(octets, node.syncedBytes, node.pending, survives, sectorBytes);
  return octets.subarray(0, size);
}

/** Answers the size that the file has then. */
function applyChanges(
  octets: Buffer,
  before: number,
  changes: readonly Change[],
  survives: () => boolean,
  sectorBytes: number,
): number {
  let size = before;
  for (const what of changes) {
    if (what.kind === "truncate") {
      if (!survives()) continue;
      // What is cut off and written over later must read as zeros in between.
      if (what.length < size) octets.fill(0, what.length, size);
      size = what.length;
      continue;
    }
    for (let from = what.at; from < what.at + what.octets.length; ) {
      const to = Math.min(what.at + what.octets.length, (Math.floor(from / sectorBytes) + 1) * sectorBytes);
      if (survives()) {
        what.octets.copy(octets, from, from - what.at, to - what.at);
        size = Math.max(size, to);
      }
      from = to;
    }
  }
  return size;
}

const endOf = (what: Change) => (what.kind === "truncate" ? what.length : what.at + what.octets.length);
