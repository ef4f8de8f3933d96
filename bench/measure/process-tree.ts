import { readdirSync, readFileSync } from "node:fs";

const ticksPerSecond = 100;

/** A process and all that descend from it. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    const stat = statOf(Number(name));
    if (stat) children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(name)]);
  }
  const tree: number[] = [];
  for (const waiting = [root]; waiting.length > 0; ) {
    const pid = waiting.pop() ?? root;
    tree.push(pid);
    waiting.push(...(children.get(pid) ?? []));
  }
  return tree;
}

/** User and system seconds of the tree so far, with those of children that ended. */
export function cpuSeconds(root: number): number {
  let ticks = 0;
  for (const pid of processTree(root)) ticks += statOf(pid)?.ticks ?? 0;
  return ticks / ticksPerSecond;
}

/** The highest resident memory of each process, added up. */
export function peakMemoryBytes(root: number): number {
  let kilobytes = 0;
  for (const pid of processTree(root)) {
    const status = read(`/proc/${pid}/status`);
    kilobytes += Number(/^VmHWM:\s+([0-9]+) kB/m.exec(status ?? "")?.[1] ?? 0);
  }
  return kilobytes * 1024;
}

function statOf(pid: number): { readonly parent: number; readonly ticks: number } | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The name stands in brackets and may hold anything.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (!fields) return undefined;
  const field = (number: number) => Number(fields[number - 3] ?? 0);
  return { parent: field(4), ticks: field(14) + field(15) + field(16) + field(17) };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}
