import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { DnsError } from "../../../local/authenticate/dns-error.ts";
import {
  budgetResolver,
  cachingResolver,
  type DnsRecords,
  type Resolver,
  systemResolver,
  zoneResolver,
} from "../../../local/authenticate/resolver.ts";
import { loadZone } from "../../../local/authenticate/zone.ts";

function manualClock() {
  let ms = Date.parse("2026-08-04T09:00:00Z");
  return {
    now: () => new Date(ms),
    advance: (by: number) => {
      ms += by;
    },
  };
}

const failing = (code: string) => Object.assign(new Error(code), { code });
const never = () => new Promise<DnsRecords>(() => {});

async function outcome(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    return error instanceof DnsError ? error.code : error;
  }
}

describe("name servers", () => {
  test("one that is silent is not asked again for 30 s", async () => {
    const clock = manualClock();
    const asked: string[] = [];
    const resolve = systemResolver({
      servers: ["192.0.2.53"],
      timeoutMs: 20,
      clock,
      query: (server, name) => {
        asked.push(`${server} ${name}`);
        return never();
      },
    });
    expect(await outcome(resolve("example.org", "TXT"))).toBe("ETIMEOUT");
    const first = asked.length;
    expect(await outcome(resolve("example.com", "TXT"))).toBe("ETIMEOUT");
    clock.advance(29_999);
    expect(await outcome(resolve("example.com", "TXT"))).toBe("ETIMEOUT");
    expect(asked.length).toBe(first);
    clock.advance(1);
    expect(await outcome(resolve("example.com", "TXT"))).toBe("ETIMEOUT");
    expect(asked.length).toBeGreaterThan(first);
  });

  test("one that is silent on a name but answers others is asked on", async () => {
    const resolve = systemResolver({
      servers: ["192.0.2.53"],
      timeoutMs: 20,
      query: async (_server, name) => {
        if (name === "tarpit.example") return never();
        if (name === ".") throw failing("EREFUSED");
        return [["v=spf1 -all"]];
      },
    });
    expect(await outcome(resolve("tarpit.example", "TXT"))).toBe("ETIMEOUT");
    expect(await outcome(resolve("example.org", "TXT"))).toEqual([["v=spf1 -all"]]);
  });

  test.for<[string, string, number, unknown]>([
    ["is asked when the first refuses the connection", "ECONNREFUSED", 2, ["192.0.2.1"]],
    ["is asked when the first cannot resolve", "ESERVFAIL", 2, ["192.0.2.1"]],
    ["is not asked when the first says that there is no such name", "ENOTFOUND", 1, "ENOTFOUND"],
    ["is not asked when the first says that there is no such record", "ENODATA", 1, "ENODATA"],
  ])("the second one %s", async ([, code, questions, expected]) => {
    const query = vi.fn(async (server: string): Promise<DnsRecords> => {
      if (server === "192.0.2.53") throw failing(code);
      return ["192.0.2.1"];
    });
    const resolve = systemResolver({ servers: ["192.0.2.53", "192.0.2.54"], query });
    expect(await outcome(resolve("example.org", "A"))).toEqual(expected);
    expect(query).toHaveBeenCalledTimes(questions);
  });

  test("none configured says what to configure", async () => {
    await expect(systemResolver({ servers: [] })("example.org", "A")).rejects.toThrow(/local\.dns\.servers/);
  });

  test.for(["dns.example.org", "192.0.2.53:99999", "2001:db8::53]:53", ""])("%j is no name server", (server) =>
    expect(() => systemResolver({ servers: [server] })).toThrow(TypeError));

  test("a real one that is silent, over UDP", async () => {
    const socket = createSocket("udp4");
    let packets = 0;
    socket.on("message", () => {
      packets += 1;
    });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    onTestFinished(() => void socket.close());
    const resolve = systemResolver({ servers: [`127.0.0.1:${socket.address().port}`], timeoutMs: 250 });
    expect(await outcome(resolve("example.org", "TXT"))).toBe("ETIMEOUT");
    // What was sent is in the socket's buffer by now; a busy machine may have let the timer come first.
    const heardAll = async () => {
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      return packets;
    };
    const heard = await heardAll();
    expect(heard).toBeGreaterThan(0);
    expect(await outcome(resolve("example.com", "TXT"))).toBe("ETIMEOUT");
    expect(await heardAll()).toBe(heard);
  });

  test("a real one, over UDP: a TXT record of two strings, and a name that does not exist", async () => {
    const socket = createSocket("udp4");
    socket.on("message", (question, { port, address }) => {
      const name = question.subarray(12, question.indexOf(0, 12) + 5);
      const exists = name.toString("latin1").includes("example");
      const strings = Buffer.from("\x07v=spf1 \x04-all", "latin1");
      const header = Buffer.from([0x81, exists ? 0x80 : 0x83, 0, 1, 0, exists ? 1 : 0, 0, 0, 0, 0]);
      const record = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, strings.length]);
      const answer = [question.subarray(0, 2), header, name, ...(exists ? [record, strings] : [])];
      socket.send(Buffer.concat(answer), port, address);
    });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    onTestFinished(() => void socket.close());
    const resolve = systemResolver({ servers: [`127.0.0.1:${socket.address().port}`] });
    expect(await outcome(resolve("example.org", "TXT"))).toEqual([["v=spf1 ", "-all"]]);
    expect(await outcome(resolve("nobody.invalid", "TXT"))).toBe("ENOTFOUND");
  });

  test.for([
    "",
    "a..b",
    `${"x".repeat(64)}.example`,
    "ex\u0080mple.org",
    `${"abc.".repeat(64)}example`,
  ])("%j cannot be in the DNS and is not sent", async (name) => {
    const query = vi.fn(never);
    expect(await outcome(systemResolver({ servers: ["192.0.2.53"], query })(name, "A"))).toBe("ENOTFOUND");
    expect(query).not.toHaveBeenCalled();
  });
});

describe("the cache", () => {
  function counting(answer: (name: string) => Promise<DnsRecords>) {
    const clock = manualClock();
    const inner = vi.fn((name: string) => answer(name));
    return { clock, inner, resolver: (options = {}) => cachingResolver(inner, { clock, ...options }) };
  }

  test("an answer is believed for a minute, whatever the case of the name", async () => {
    const { clock, inner, resolver } = counting(async () => ["192.0.2.1"]);
    const resolve = resolver();
    await resolve("Example.org", "A");
    await resolve("example.ORG.", "a");
    clock.advance(59_999);
    await resolve("example.org", "A");
    expect(inner).toHaveBeenCalledTimes(1);
    clock.advance(1);
    await resolve("example.org", "A");
    await resolve("example.org", "AAAA");
    expect(inner).toHaveBeenCalledTimes(3);
  });

  test.for<[string, "ENOTFOUND" | "ENODATA" | "ETIMEOUT" | "ESERVFAIL", number]>([
    ["no such name is believed", "ENOTFOUND", 1],
    ["no such record is believed", "ENODATA", 1],
    ["a time-out is asked again", "ETIMEOUT", 2],
    ["a failure of the server is asked again", "ESERVFAIL", 2],
  ])("%s", async ([, code, times]) => {
    const { inner, resolver } = counting(() => Promise.reject(new DnsError(code, "x")));
    const resolve = resolver();
    expect(await outcome(resolve("example.org", "A"))).toBe(code);
    expect(await outcome(resolve("example.org", "A"))).toBe(code);
    expect(inner).toHaveBeenCalledTimes(times);
  });

  test("questions under way are asked once", async () => {
    const { inner, resolver } = counting(async () => ["192.0.2.1"]);
    const resolve = resolver();
    await Promise.all([resolve("example.org", "A"), resolve("example.org", "A")]);
    expect(inner).toHaveBeenCalledTimes(1);
  });

  test("the least recently used leaves when there are too many", async () => {
    const { inner, resolver } = counting(async () => ["192.0.2.1"]);
    const resolve = resolver({ maxEntries: 2 });
    for (const name of ["a.example", "b.example", "a.example", "c.example", "a.example"]) await resolve(name, "A");
    expect(inner.mock.calls.map(([name]) => name)).toEqual(["a.example", "b.example", "c.example"]);
    await resolve("b.example", "A");
    expect(inner).toHaveBeenCalledTimes(4);
  });

  test("large answers leave, too", async () => {
    const { inner, resolver } = counting(async () => [["x".repeat(60_000)]]);
    const resolve = resolver({ maxBytes: 100_000 });
    for (const name of ["a.example", "b.example", "a.example"]) await resolve(name, "TXT");
    expect(inner).toHaveBeenCalledTimes(3);
  });
});

describe("one message's budget", () => {
  test("silence ends all of its questions, and the later ones at once", async () => {
    const inner = vi.fn(never);
    const resolve = budgetResolver(inner, { budgetMs: 10_000, silenceMs: 20 });
    onTestFinished(() => resolve.close());
    expect(await Promise.all([outcome(resolve("a.example", "A")), outcome(resolve("b.example", "A"))])).toEqual([
      "ETIMEOUT",
      "ETIMEOUT",
    ]);
    expect(await outcome(resolve("c.example", "A"))).toBe("ETIMEOUT");
    expect(inner).toHaveBeenCalledTimes(2);
  });

  test("time is up even when some answers come", async () => {
    const inner: Resolver = (name) => (name === "a.example" ? Promise.resolve(["192.0.2.1"]) : never());
    const resolve = budgetResolver(inner, { budgetMs: 20 });
    onTestFinished(() => resolve.close());
    expect(await outcome(resolve("a.example", "A"))).toEqual(["192.0.2.1"]);
    expect(await outcome(resolve("b.example", "A"))).toBe("ETIMEOUT");
  });

  test("there are only so many questions", async () => {
    const resolve = budgetResolver(async () => ["192.0.2.1"], { budgetMs: 1000, maxQuestions: 2 });
    onTestFinished(() => resolve.close());
    await resolve("a.example", "A");
    await resolve("b.example", "A");
    expect(await outcome(resolve("c.example", "A"))).toBe("ETIMEOUT");
  });

  test("an abort ends it", async () => {
    const controller = new AbortController();
    const resolve = budgetResolver(never, { budgetMs: 10_000, signal: controller.signal });
    const answer = outcome(resolve("a.example", "A"));
    controller.abort();
    expect(await answer).toBe("ECANCELLED");
  });
});

test("a zone answers as a resolver", async () => {
  const resolve = zoneResolver(loadZone('{ "example.org": { "A": ["192.0.2.1"] } }'));
  expect(await outcome(resolve("example.org.", "A"))).toEqual(["192.0.2.1"]);
  expect(await outcome(resolve("example.com", "A"))).toBe("ENOTFOUND");
});
