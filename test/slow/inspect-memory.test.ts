import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// SES's limit for one message.
const sizeBytes = 41_943_040;
const allowedBytes = 100_000_000;
const cli = fileURLToPath(new URL("../../cli/mailweir.mjs", import.meta.url));
const node = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url));
// The peak of this very program (VmHWM): getrusage would count what its parent held before exec.
const reporter = `data:text/javascript,${encodeURIComponent(
  'import { readFileSync } from "node:fs"; process.on("exit", () => process.stderr.write("peak " + /VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1] + "\\n"));',
)}`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-big-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Written in pieces: this process needs no 40 MB either. */
async function write(name: string, head: string, line: string, tail = ""): Promise<string> {
  const path = join(folder, name);
  const file = await open(path, "w");
  const block = Buffer.from(line.repeat(Math.ceil(65_536 / line.length)));
  await file.write(head);
  for (let left = sizeBytes - head.length - tail.length; left > 0; left -= block.length)
    await file.write(block.subarray(0, Math.min(left, block.length)));
  await file.write(tail);
  await file.close();
  return path;
}

async function inspect(path: string): Promise<{ peakBytes: number; line: Record<string, unknown> }> {
  const child = spawn(node, ["--import", reporter, cli, "inspect", path, "--json"], {
    env: { ...process.env, MALLOC_ARENA_MAX: "2" },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  return {
    peakBytes: Number(/peak (\d+)/.exec(stderr)?.[1]) * 1024,
    line: JSON.parse(stdout.split("\n")[0] ?? ""),
  };
}

describe.skipIf(process.platform !== "linux")("inspect of 40 MB needs at most 100 MB more than of a small mail", () => {
  let baseline: number;
  beforeAll(async () => {
    const small = join(folder, "small.eml");
    await writeFile(small, "From: a@a.example\r\nSubject: small\r\n\r\nhi\r\n");
    baseline = (await inspect(small)).peakBytes;
    expect(baseline).toBeGreaterThan(10_000_000);
  });

  const head = (type: string) => `From: a@a.example\r\nSubject: big\r\nMIME-Version: 1.0\r\nContent-Type: ${type}\r\n`;
  const film =
    '\r\n--b\r\n\r\nhi\r\n--b\r\nContent-Type: video/mp4\r\nContent-Disposition: attachment; filename="a.mp4"\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  test.for<[string, string, string, string]>([
    [
      "an attachment in base64",
      head('multipart/mixed; boundary="b"') + film,
      `${"QUJD".repeat(19)}\r\n`,
      "\r\n--b--\r\n",
    ],
    ["text", `${head("text/plain")}\r\n`, "one line of text that goes on\r\n", ""],
    ["one line", `${head("text/plain")}\r\n`, "x", ""],
    ["HTML", `${head("text/html")}\r\n`, "<p>one <b>line</b> of text</p>\r\n", ""],
    [
      "quoted-printable",
      `${head("text/plain; charset=utf-8")}Content-Transfer-Encoding: quoted-printable\r\n\r\n`,
      "=C3=A4=C3=B6 text=\r\n",
      "",
    ],
    [
      "a message inside",
      `${head('multipart/mixed; boundary="b"')}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\n`,
      "inner text that goes on\r\n",
      "\r\n--b--\r\n",
    ],
    ["an mbox of one mail", `From x Tue Aug  4\n${head("text/plain")}\r\n`, "one line of text that goes on\r\n", ""],
  ])("%s", async ([name, start, line, end]) => {
    const path = await write(
      `${name.replaceAll(" ", "-")}${name.includes("mbox") ? ".mbox" : ".eml"}`,
      start,
      line,
      end,
    );
    const { peakBytes, line: described } = await inspect(path);
    console.info(`${name}: ${((peakBytes - baseline) / 1e6).toFixed(0)} MB above ${(baseline / 1e6).toFixed(0)} MB`);
    expect(described).toMatchObject({ message: { subject: "big" } });
    expect(peakBytes - baseline).toBeLessThan(allowedBytes);
  });
});
