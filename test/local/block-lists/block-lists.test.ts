import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DnsError } from "../../../local/authenticate/dns-error.ts";
import type { Resolver } from "../../../local/authenticate/resolver.ts";
import { openBlockLists } from "../../../local/block-lists/block-lists.ts";
import type { LogFields } from "../../../local/log.ts";
import type { BlockListConfig } from "../../../shared/config/types.ts";
import { fixedClock } from "../store/store-fixture.ts";

async function open(
  config: Partial<BlockListConfig>,
  records: Readonly<Record<string, readonly string[] | "fail" | "hang">> = {},
) {
  const clock = fixedClock();
  const asked: string[] = [];
  const said: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
  const resolver: Resolver = async (name, type) => {
    expect(type).toBe("A");
    asked.push(name);
    const found = records[name];
    if (found === "hang") return new Promise(() => undefined);
    if (found === "fail") throw new DnsError("ESERVFAIL", `${type} ${name}: SERVFAIL`);
    if (!found) throw new DnsError("ENOTFOUND", "no such name");
    return found;
  };
  const say = (message: string, fields?: LogFields) => void said.push({ message, fields });
  const listedBy = await openBlockLists(
    { files: [], dns: [], ...config },
    { resolver, clock, log: { info: say, warn: say, error: say } },
  );
  return { listedBy, clock, asked, said };
}

async function listFile(text: string) {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-lists-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "drop.txt");
  const write = async (content: string) => {
    await writeFile(`${file}.new`, content);
    await rename(`${file}.new`, file);
  };
  await write(text);
  return { file, write };
}

test("a file names blocks of both families, with comments, and says which line it was", async () => {
  const { file } = await listFile(
    "# Do not route or peer\r\n203.0.113.0/24 ; SBL1\n203.0.113.64/26\n\n2001:db8:bad::/48 # six\n198.51.100.7\n",
  );
  const { listedBy } = await open({ files: [file] });
  expect(await listedBy("203.0.113.9")).toBe(`${file}, line 2: 203.0.113.0/24`);
  expect(await listedBy("203.0.113.70")).toBe(`${file}, line 3: 203.0.113.64/26`);
  expect(await listedBy("::ffff:203.0.113.9")).toBe(`${file}, line 2: 203.0.113.0/24`);
  expect(await listedBy("2001:db8:bad:1::5")).toBe(`${file}, line 5: 2001:db8:bad::/48`);
  expect(await listedBy("198.51.100.7")).toBe(`${file}, line 6: 198.51.100.7`);
  for (const other of ["198.51.100.8", "2001:db8:bae::1", "203.0.114.1"]) expect(await listedBy(other)).toBeUndefined();
});

test("a file that changed is read again; a broken one changes nothing and is told of once", async () => {
  const { file, write } = await listFile("203.0.113.0/24\n");
  const { listedBy, clock, said } = await open({ files: [file] });
  await write("198.51.100.0/24\n");
  expect(await listedBy("203.0.113.9")).toContain("line 1");
  clock.advance(2_000);
  expect(await listedBy("203.0.113.9")).toBeUndefined();
  expect(await listedBy("198.51.100.1")).toContain("line 1");

  await write("198.51.100.0/24\nnot an address\n");
  for (let look = 0; look < 3; look++) {
    clock.advance(2_000);
    expect(await listedBy("198.51.100.1")).toContain("line 1");
  }
  await rm(file);
  clock.advance(2_000);
  expect(await listedBy("198.51.100.1")).toContain("line 1");
  const errors = said.filter(({ message }) => message.includes("last good one"));
  expect(errors.map(({ fields }) => fields?.["error"])).toEqual([
    `Line 2 of the block list ${file} is no address or CIDR block: "not"`,
    expect.stringContaining("cannot be read"),
  ]);
});

test("a file that is wrong at the start keeps the engine from starting, by its line", async () => {
  const { file } = await listFile("203.0.113.0/33\n");
  await expect(open({ files: [file] })).rejects.toMatchObject({
    code: "ERR_BLOCK_LIST_FILE",
    message: expect.stringContaining("Line 1"),
  });
  await expect(open({ files: ["/nowhere/drop.txt"] })).rejects.toMatchObject({ code: "ERR_BLOCK_LIST_FILE" });
});

test("half a million blocks are asked in no time", async () => {
  const { createAddressSet } = await import("../../../shared/receipt/address-set.ts");
  const blocks = Array.from({ length: 500_000 }, (_, index): [string, number] => [
    `${(index >> 16) + 1}.${(index >> 8) & 255}.${index & 255}.0/24`,
    index,
  ]);
  const set = createAddressSet(blocks);
  expect(set.size).toBe(500_000);
  for (let look = 0; look < 100_000; look++) set.find(`5.${look & 255}.7.9`);
  expect(set.find("5.3.7.9")).toBe((4 << 16) + (3 << 8) + 7);
  expect(set.find("200.1.1.1")).toBeUndefined();
}, 60_000);

test("a zone is asked by reversed octets and nibbles (RFC 5782 §2.1, §2.4)", async () => {
  const six = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example";
  const { listedBy, asked } = await open(
    { dns: [{ zone: "bl.example" }] },
    { "99.2.0.192.bl.example": ["127.0.0.2"], [six]: ["127.0.0.4"] },
  );
  expect(await listedBy("192.0.2.99")).toBe("bl.example (127.0.0.2)");
  expect(await listedBy("::ffff:192.0.2.99")).toBe("bl.example (127.0.0.2)");
  expect(await listedBy("2001:db8::1")).toBe("bl.example (127.0.0.4)");
  expect(await listedBy("192.0.2.98")).toBeUndefined();
  expect(asked).toEqual(["99.2.0.192.bl.example", "99.2.0.192.bl.example", six, "98.2.0.192.bl.example"]);
});

test("only the return codes that were asked for count", async () => {
  const { listedBy } = await open(
    { dns: [{ zone: "zen.example", codes: ["127.0.0.2", "127.0.0.4-127.0.0.7"] }] },
    {
      "1.2.0.192.zen.example": ["127.0.0.10"],
      "2.2.0.192.zen.example": ["127.0.0.10", "127.0.0.4"],
      "3.2.0.192.zen.example": ["127.0.0.8"],
    },
  );
  expect(await listedBy("192.0.2.1")).toBeUndefined();
  expect(await listedBy("192.0.2.2")).toBe("zen.example (127.0.0.4)");
  expect(await listedBy("192.0.2.3")).toBeUndefined();
});

test.for<[string, readonly string[] | "fail" | "hang"]>([
  ["a list that answers with a failure", "fail"],
  ["a list that does not answer", "hang"],
  ["a list that refuses this resolver", ["127.255.255.254"]],
  ["a zone that somebody else owns by now", ["198.51.100.1"]],
])("%s lets everybody in, and warns once a minute", async ([, answer]) => {
  const { listedBy, clock, said } = await open(
    { dns: [{ zone: "bl.example", timeoutMs: 100 }] },
    { "1.2.0.192.bl.example": answer },
  );
  const warnings = () => said.filter(({ message }) => message.includes("mail passes it")).length;
  expect(await listedBy("192.0.2.1")).toBeUndefined();
  expect(await listedBy("192.0.2.1")).toBeUndefined();
  expect(warnings()).toBe(1);
  clock.advance(60_000);
  expect(await listedBy("192.0.2.1")).toBeUndefined();
  expect(warnings()).toBe(2);
});

test("the key in a paying customer's zone stands in no log and no refusal", async () => {
  const key = "a1b2c3d4e5f6g7h8i9j0k1l2m3";
  const zone = `${key}.zen.dq.example`;
  const names = (ip: string) => `${ip.split(".").reverse().join(".")}.${zone}`;
  const { listedBy, said } = await open(
    { dns: [{ zone }] },
    { [names("192.0.2.1")]: ["127.0.0.2"], [names("192.0.2.2")]: "fail" },
  );
  expect(await listedBy("192.0.2.1")).toBe("<key>.zen.dq.example (127.0.0.2)");
  expect(await listedBy("192.0.2.2")).toBeUndefined();
  expect(said).toHaveLength(1);
  expect(JSON.stringify(said)).toContain("<key>.zen.dq.example");
  expect(JSON.stringify(said)).not.toContain(key);
});

test("a list that did not answer is left alone for a while, the others are not", async () => {
  const { listedBy, clock, asked } = await open(
    { dns: [{ zone: "down.example", timeoutMs: 100 }, { zone: "up.example" }] },
    { "1.2.0.192.down.example": "hang", "1.2.0.192.up.example": ["127.0.0.2"] },
  );
  expect(await listedBy("192.0.2.1")).toBe("up.example (127.0.0.2)");
  asked.length = 0;
  expect(await listedBy("192.0.2.1")).toBe("up.example (127.0.0.2)");
  expect(asked).toEqual(["1.2.0.192.up.example"]);
  clock.advance(30_000);
  await listedBy("192.0.2.1");
  expect(asked).toContain("1.2.0.192.down.example");
});

test.for([
  "127.0.0.1",
  "10.1.2.3",
  "172.31.0.1",
  "192.168.1.1",
  "169.254.0.9",
  "::1",
  "fe80::1%eth0",
  "fd12::1",
])("nobody is told of %s", async (ip) => {
  const { listedBy, asked } = await open({ dns: [{ zone: "bl.example" }] });
  expect(await listedBy(ip)).toBeUndefined();
  expect(asked).toEqual([]);
});
