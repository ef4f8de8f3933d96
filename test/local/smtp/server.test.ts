import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { connect as connectTls } from "node:tls";
import { createTransport } from "nodemailer";
import { afterEach, describe, expect, test } from "vitest";
import { createSelfSignedCertificate } from "../../../local/smtp/self-signed-certificate.ts";
import { SmtpListenError } from "../../../local/smtp/server.ts";
import { parseSesMessageId } from "../../../shared/ses-message-id.ts";
import { fuzzRuns } from "../../fuzz-runs.ts";
import { fc } from "../../property.ts";
import { dial, type Endpoint, greeted, rule, startEndpoint } from "./receiving-endpoint.ts";

let endpoint: Endpoint;
const start = async (...given: Parameters<typeof startEndpoint>) => {
  endpoint = await startEndpoint(...given);
  return endpoint;
};
afterEach(() => endpoint.stop());

const set = (...rules: ReturnType<typeof rule>[]) => ({ ruleSet: { name: "mailweir", rules } });
const unavailable = "550 5.1.1 Requested action not taken: mailbox unavailable";
const blacklisted = "550 5.7.1 IP address blacklisted by recipient";

async function rcpt(recipient: string, receiving: Parameters<typeof startEndpoint>[0]): Promise<string> {
  const { smtp } = await start(receiving);
  const client = await greeted(smtp, "ann@sender.example");
  return client.say(`RCPT TO:<${recipient}>\r\n`);
}

test("a session reads as SES's does", async () => {
  const { smtp, accepted } = await start({});
  const client = await dial(smtp);
  expect(await client.reply()).toBe("220 inbound-smtp.us-east-1.amazonaws.com ESMTP");
  const extensions = (await client.say("EHLO mx.sender.example\r\n")).split("\n");
  expect(extensions[0]).toBe("250-inbound-smtp.us-east-1.amazonaws.com");
  expect(
    extensions
      .slice(1)
      .map((line) => line.slice(4))
      .sort(),
  ).toEqual(["8BITMIME", "PIPELINING", "SIZE 41943040", "STARTTLS"]);
  expect(await client.say("MAIL FROM:<ann@sender.example> SIZE=20 BODY=8BITMIME\r\n")).toBe("250 Ok");
  expect(await client.say("RCPT TO:<orders@shop.example>\r\n")).toBe("250 Ok");
  expect(await client.say("RCPT TO:<nobody@unverified.example>\r\n")).toBe(unavailable);
  expect(await client.say("DATA\r\n")).toBe("354 End data with <CR><LF>.<CR><LF>");
  const said = await client.say("Subject: a\r\n\r\n..b\r\n.\r\n");
  expect(said).toBe(`250 OK ${accepted[0]?.message.sesMessageId}`);
  expect(accepted).toMatchObject([
    {
      message: {
        client: { ip: "127.0.0.1", helo: "mx.sender.example" },
        from: "ann@sender.example",
        recipients: ["orders@shop.example"],
        ruleSetSnapshot: "snapshot of mailweir",
        sizeBytes: 18,
      },
      raw: { kind: "inline" },
    },
  ]);
  const [first] = accepted;
  expect(first?.raw.kind === "inline" && Buffer.from(first.raw.bytes).toString()).toBe("Subject: a\r\n\r\n.b\r\n");
  expect(await client.say("QUIT\r\n")).toMatch(/^221 /);
});

describe("ses-receiving.md §13", () => {
  test("1: no active rule set refuses a recipient at a verified domain", async () => {
    expect(await rcpt("a@shop.example", { ruleSet: undefined })).toBe(unavailable);
    expect(endpoint.refusals).toMatchObject([
      { stage: "RCPT", recipient: "a@shop.example", from: "ann@sender.example", reply: unavailable, ip: "127.0.0.1" },
    ]);
    expect(endpoint.refusals[0]?.reason).toMatch(/no rule set is active/);
  });

  test("2: of two recipients the matching one is accepted, and there is one message", async () => {
    const { smtp, accepted } = await start(set(rule("a", ["a@shop.example"])));
    const client = await greeted(smtp, "ann@sender.example");
    expect(await client.say("RCPT TO:<a@shop.example>\r\n")).toBe("250 Ok");
    expect(await client.say("RCPT TO:<b@shop.example>\r\n")).toBe(unavailable);
    await client.say("DATA\r\n");
    await client.say("a\r\n.\r\n");
    expect(accepted.map(({ message }) => message.recipients)).toEqual([["a@shop.example"]]);
  });

  test("3: .domain refuses the domain itself and takes subdomains", async () => {
    const { smtp } = await start(set(rule("a", [".shop.example"])));
    const client = await greeted(smtp, "ann@sender.example");
    expect(await client.say("RCPT TO:<x@shop.example>\r\n")).toBe(unavailable);
    expect(await client.say("RCPT TO:<x@eu.shop.example>\r\n")).toBe("250 Ok");
  });

  test("4: a domain refuses its subdomains", async () => {
    expect(await rcpt("x@eu.shop.example", set(rule("a", ["shop.example"])))).toBe(unavailable);
  });

  test("7: case does not matter", async () => {
    expect(await rcpt("USER@SHOP.EXAMPLE", set(rule("a", ["user@shop.example"])))).toBe("250 Ok");
  });

  test("10: a Block filter refuses at RCPT, not at connect, and nothing is stored", async () => {
    const blocked = { ipFilters: [{ name: "loop", policy: "Block", cidr: "127.0.0.0/8" }] as const };
    expect(await rcpt("a@shop.example", blocked)).toBe(blacklisted);
    expect(endpoint.accepted).toEqual([]);
  });

  test("11: Block everything and Allow one host takes only that host", async () => {
    const block = { name: "all", policy: "Block", cidr: "0.0.0.0/0" } as const;
    const allow = { name: "one", policy: "Allow", cidr: "127.0.0.1/32" } as const;
    expect(await rcpt("a@shop.example", { ipFilters: [block, allow] })).toBe("250 Ok");
    endpoint.world.receiving = { ...endpoint.world.receiving, ipFilters: [block] };
    const client = await greeted(endpoint.smtp, "ann@sender.example");
    expect(await client.say("RCPT TO:<a@shop.example>\r\n")).toBe(blacklisted);
    await endpoint.stop();
    await start({});
  });

  test("13: TLS Require refuses in the session without STARTTLS, and accepts with it", async () => {
    const { smtp, accepted } = await start(set(rule("a", [], { tlsPolicy: "Require" })));
    const client = await greeted(smtp, "ann@sender.example");
    expect(await client.say("RCPT TO:<a@shop.example>\r\n")).toBe("530 5.7.0 Must issue a STARTTLS command first");
    expect(await client.say("DATA\r\n")).toBe("503 Error: need RCPT command");
    const transport = createTransport({
      host: smtp.address.host,
      port: smtp.address.port,
      requireTLS: true,
      tls: { rejectUnauthorized: false },
    });
    const sent = await transport.sendMail({ from: "ann@sender.example", to: "a@shop.example", text: "a" });
    expect(sent.response).toMatch(/^250 OK /);
    expect(accepted[0]?.message.client.tls).toMatchObject({ protocol: "TLSv1.3" });
  });

  test("14: the id in 250 has SES's shape and is the message's", async () => {
    const { smtp, accepted } = await start({});
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    const id = (await client.say("a\r\n.\r\n")).slice("250 OK ".length);
    expect(id).toMatch(/^[0-9a-v]{38}[08go]1$/);
    expect(accepted[0]?.message.sesMessageId).toBe(parseSesMessageId(id));
  });

  test("20: the stored octets are those sent, dots unstuffed, CRLF kept", async () => {
    const { smtp, accepted } = await start({});
    const message = `Subject: a\r\n\r\n.\r\n..\r\n...a\r\n${"\x00\xff8bit \r\n".repeat(20_000)}.end`;
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    const wire = Buffer.from(`${message.replace(/(^|\r\n)\./g, "$1..")}\r\n.\r\n`, "latin1");
    expect(await client.say(wire)).toMatch(/^250 OK /);
    const raw = accepted[0]?.raw;
    const stored = raw?.kind === "file" ? await readFile(raw.path) : undefined;
    expect(stored?.toString("latin1") === `${message}\r\n`).toBe(true);
  });
});

describe("size", () => {
  const limits = { limits: { messageBytes: 100_000 } };
  const lines = (octets: number) => `${"a".repeat(98)}\r\n`.repeat(octets / 100);

  async function send(message: string) {
    const { smtp } = await start({}, limits);
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    const reply = await client.say(`${message}.\r\n`);
    return { client, reply };
  }

  test("exactly the limit passes, dots not counted twice", async () => {
    const { reply } = await send(`..${lines(100_000).slice(1)}`);
    expect(reply).toMatch(/^250 OK /);
    expect(endpoint.accepted[0]?.message.sizeBytes).toBe(100_000);
  });

  test("one octet more is refused when it has arrived, the session goes on and nothing is left behind", async () => {
    const { client, reply } = await send(`a${lines(100_000)}`);
    expect(reply).toBe("552 5.3.4 Message too large");
    expect(endpoint.refusals).toMatchObject([{ stage: "DATA", reply }]);
    expect(endpoint.accepted).toEqual([]);
    expect(await readdir(endpoint.folder)).toEqual(["smtp-tls.pem"]);
    expect(await client.say("MAIL FROM:<ann@sender.example>\r\n")).toBe("250 Ok");
  });

  test("a sender that goes on far beyond the limit is cut off", async () => {
    const { smtp } = await start({}, limits);
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    expect(await client.say(lines(300_000))).toBe("552 5.3.4 Message too large");
    await client.ended;
  });

  test("a declared size over the limit is refused at MAIL", async () => {
    const { smtp, refusals } = await start({}, limits);
    const client = await greeted(smtp);
    expect(await client.say("MAIL FROM:<a@sender.example> SIZE=100001\r\n")).toBe("552 5.3.4 Message too large");
    expect(refusals).toMatchObject([{ stage: "MAIL", from: "a@sender.example" }]);
    expect(await client.say("MAIL FROM:<a@sender.example> SIZE=100000\r\n")).toBe("250 Ok");
  });
});

describe("SMTP smuggling (RFC 5321 §2.3.8, §4.1.1.4)", () => {
  const inner = "MAIL FROM:<admin@shop.example>\r\nRCPT TO:<b@shop.example>\r\nDATA\r\nFrom: a\r\n\r\nb\r\n.\r\n";
  test.for([
    "\n.\n",
    "\r.\r",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r\n",
    "\r\n.\r",
    "\n.\r",
    "\r\r\n.\r\r\n",
    "\r\n\0.\r\n\n",
  ])("%j does not end the data, and such a message is refused whole", async (sequence) => {
    const { smtp, accepted, refusals } = await start({});
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    expect(await client.say(`From: a\r\n\r\na${sequence}${inner}`)).toBe(
      "550 5.5.2 Bare CR or LF in message data is not allowed",
    );
    expect(await client.say("NOOP\r\n")).toMatch(/^250 /);
    expect(accepted).toEqual([]);
    expect(refusals).toMatchObject([
      { stage: "DATA", recipients: ["a@shop.example"], reason: expect.stringMatching(/client.*CRLF/) },
    ]);
  });

  test("the refusal names the first recipients, and how many more there were", async () => {
    const { smtp, refusals } = await start({});
    const client = await greeted(smtp, "ann@sender.example");
    const to = Array.from({ length: 12 }, (_, index) => `r${index}@shop.example`);
    for (const address of to) await client.say(`RCPT TO:<${address}>\r\n`);
    await client.say("DATA\r\n");
    expect(await client.say("a\nb\r\n.\r\n")).toMatch(/^550 5\.5\.2 /);
    expect(refusals).toMatchObject([{ stage: "DATA", recipients: to.slice(0, 10), moreRecipients: 2 }]);
  });
});

describe("what is refused, and why it is known afterwards", () => {
  test.for<[string, string, RegExp, string]>([
    ["an unquoted space in the path", "RCPT TO:<a b@shop.example>", /^501 5\.1\.3 /, "RCPT"],
    ["no mailbox", "RCPT TO:<@shop.example>", /^501 5\.1\.3 /, "RCPT"],
    ["postmaster without a domain", "RCPT TO:<postmaster>", /^550 5\.1\.1 /, "RCPT"],
    ["an address literal", "RCPT TO:<a@[127.0.0.1]>", /^550 5\.1\.1 /, "RCPT"],
    ["a local part beyond ASCII", "RCPT TO:<é@shop.example>", /^553 5\.6\.7 /, "RCPT"],
  ])("%s", async ([, command, reply, stage]) => {
    const { smtp, refusals } = await start({});
    const client = await greeted(smtp, "ann@sender.example");
    expect(await client.say(`${command}\r\n`)).toMatch(reply);
    expect(refusals).toMatchObject([{ stage, ip: "127.0.0.1", helo: "mx.sender.example" }]);
  });

  test.for<[string, string, RegExp]>([
    ["a sender that is no address", "MAIL FROM:<ann>", /^501 5\.1\.7 /],
    ["a path without brackets", "MAIL FROM:ann@sender.example", /^501 5\.1\.7 /],
    ["SMTPUTF8, which is not offered", "MAIL FROM:<a@sender.example> SMTPUTF8", /^555 5\.5\.4 /],
    ["a size that is none", "MAIL FROM:<a@sender.example> SIZE=many", /^501 5\.5\.4 /],
    ["a body type that is not offered", "MAIL FROM:<a@sender.example> BODY=BINARYMIME", /^501 5\.5\.4 /],
    ["AUTH", "AUTH PLAIN AGEAYg==", /^500 /],
    ["XCLIENT", "XCLIENT ADDR=203.0.113.9", /^500 /],
    ["RCPT before MAIL", "RCPT TO:<a@shop.example>", /^503 /],
    ["DATA before RCPT", "DATA", /^503 Error: need RCPT command/],
  ])("%s", async ([, command, reply]) => {
    const { smtp, refusals } = await start({});
    const client = await greeted(smtp);
    expect(await client.say(`${command}\r\n`)).toMatch(reply);
    // A command out of place is no refusal of mail.
    expect(refusals).toHaveLength(command.startsWith("MAIL") ? 1 : 0);
  });

  test("the null sender, a quoted local part and an A-label are kept as they were written", async () => {
    const { smtp, accepted } = await start({ verifiedDomains: ["xn--bcher-kva.example", "shop.example"] });
    const client = await greeted(smtp, "");
    expect(await client.say('RCPT TO:<"a b"@Shop.example>\r\n')).toBe("250 Ok");
    expect(await client.say("RCPT TO:<x@XN--bcher-kva.example>\r\n")).toBe("250 Ok");
    expect(await client.say("RCPT TO:<X@xn--BCHER-kva.example>\r\n")).toBe("250 Ok");
    await client.say("DATA\r\n");
    await client.say("a\r\n.\r\n");
    expect(accepted[0]?.message).toMatchObject({
      from: "",
      recipients: ['"a b"@Shop.example', "x@XN--bcher-kva.example"],
    });
  });

  test("more recipients than the limit get 452 and can be sent next", async () => {
    const { smtp } = await start({}, { limits: { recipients: 2 } });
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("RCPT TO:<b@shop.example>\r\n");
    expect(await client.say("RCPT TO:<c@shop.example>\r\n")).toBe("452 4.5.3 Too many recipients");
    expect(await client.say("RCPT TO:<A@shop.example>\r\n")).toBe("250 Ok");
  });

  test("more than 100 Received fields are a loop", async () => {
    const { smtp } = await start({});
    const client = await greeted(smtp, "ann@sender.example");
    for (const [hops, reply] of [
      [100, /^250 OK /],
      [101, /^554 5\.4\.6 Too many hops$/],
    ] as const) {
      await client.say("MAIL FROM:<ann@sender.example>\r\n");
      await client.say("RCPT TO:<a@shop.example>\r\n");
      await client.say("DATA\r\n");
      expect(await client.say(`${"Received: from a\r\n".repeat(hops)}\r\na\r\n.\r\n`)).toMatch(reply);
    }
  });

  test("more connections than the limit get 421, and one that leaves makes room", async () => {
    const { smtp, refusals } = await start({}, { limits: { connections: 1 } });
    const first = await greeted(smtp);
    const second = await dial(smtp);
    expect(await second.reply()).toBe("421 4.3.2 Too many connections, try again later");
    await second.ended;
    expect(refusals).toMatchObject([{ stage: "connect" }]);
    await first.say("QUIT\r\n");
    first.socket.end();
    await first.ended;
    const third = await dial(smtp);
    expect(await third.reply()).toMatch(/^220 /);
  });
});

describe("when there is no room", () => {
  test("too many unfinished messages: 451 at MAIL until some have ended", async () => {
    const { smtp, world, refusals } = await start({}, { limits: { unfinished: 5 } });
    world.unended = 5;
    const client = await greeted(smtp);
    expect(await client.say("MAIL FROM:<a@sender.example>\r\n")).toBe("451 4.3.0 Try again later");
    expect(refusals[0]?.reason).toMatch(/5 accepted messages are unfinished, the limit is 5/);
    world.unended = 4;
    expect(await client.say("MAIL FROM:<a@sender.example>\r\n")).toBe("250 Ok");
  });

  test("messages accepted since the last count are counted", async () => {
    const { smtp, world } = await start({}, { limits: { unfinished: 2 } });
    const client = await greeted(smtp);
    for (const expected of [/^250 OK/, /^250 OK/]) {
      await client.say("MAIL FROM:<a@sender.example>\r\n");
      await client.say("RCPT TO:<a@shop.example>\r\n");
      await client.say("DATA\r\n");
      expect(await client.say("a\r\n.\r\n")).toMatch(expected);
      world.unended += 1;
    }
    expect(await client.say("MAIL FROM:<a@sender.example>\r\n")).toMatch(/^451 /);
  });

  test("too little free disk: 452 at MAIL, the announced size counted", async () => {
    const { smtp, world } = await start({});
    world.freeDiskBytes = 1_500_000;
    const client = await greeted(smtp);
    expect(await client.say("MAIL FROM:<a@sender.example> SIZE=600000\r\n")).toBe(
      "452 4.3.1 Insufficient system storage",
    );
    expect(await client.say("MAIL FROM:<a@sender.example> SIZE=400000\r\n")).toBe("250 Ok");
  });

  test.for<[string, string | undefined, string, RegExp]>([
    ["a full disk", "ENOSPC", "no space left", /^452 4\.3\.1 /],
    ["a full database", "ERR_STORAGE_FULL", "full", /^452 4\.3\.1 /],
    ["a failing disk", "EIO", "i/o error", /^451 4\.3\.0 Try again later$/],
    ["anything else", undefined, "a bug", /^451 4\.3\.0 Try again later$/],
  ])("%s while storing: the sender keeps the message, no file is left", async ([, code, text, reply]) => {
    const { smtp, world, folder, refusals } = await start({});
    world.beforeAccept = async () => {
      throw Object.assign(new Error(text), code === undefined ? {} : { code });
    };
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    expect(await client.say(`${"a".repeat(100_000)}\r\n.\r\n`)).toMatch(reply);
    expect(await readdir(folder)).toEqual(["smtp-tls.pem"]);
    expect(refusals).toMatchObject([{ stage: "DATA", reason: text }]);
  });
});

describe("250 and durability", () => {
  test("nothing is said before the store has the message", async () => {
    const { smtp, world, accepted } = await start({});
    const held = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    world.beforeAccept = () => {
      arrived.resolve();
      return held.promise;
    };
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    let said: string | undefined;
    const saying = client.say("a\r\n.\r\n").then((reply) => {
      said = reply;
    });
    await arrived.promise;
    await new Promise(setImmediate);
    expect(said).toBeUndefined();
    held.resolve();
    await saying;
    expect(said).toBe(`250 OK ${accepted[0]?.message.sesMessageId}`);
  });

  test("what goes wrong behind the commit does not cost the 250", async () => {
    const { smtp, world, accepted } = await start({});
    world.onAccepted = () => {
      throw new Error("a bug");
    };
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    expect(await client.say("a\r\n.\r\n")).toMatch(/^250 OK /);
    expect(accepted).toHaveLength(1);
  });

  test("a sender that goes away in the middle leaves nothing behind", async () => {
    const { smtp, accepted, folder, reception } = await start({});
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    await client.write(`${"a".repeat(200_000)}\r\n`);
    client.socket.destroy();
    await client.ended;
    while (smtp.connections() > 0) await new Promise(setImmediate);
    await reception.settled();
    expect(accepted).toEqual([]);
    expect(await readdir(folder)).toEqual(["smtp-tls.pem"]);
  });
});

describe("RFC 2920 pipelining", () => {
  test("a whole transaction in one write, and the next one behind it", async () => {
    const { smtp, accepted } = await start({});
    const client = await greeted(smtp);
    const envelope =
      "MAIL FROM:<a@sender.example>\r\nRCPT TO:<a@shop.example>\r\nRCPT TO:<a@other.example>\r\nDATA\r\n";
    void client.write(`${envelope}one\r\n.\r\n${envelope}two\r\n.\r\nQUIT\r\n`);
    const heard = [];
    for (let reply = 0; reply < 11; reply += 1) heard.push((await client.reply()).slice(0, 3));
    expect(heard.join(" ")).toBe("250 250 550 354 250 250 250 550 354 250 221");
    expect(accepted).toHaveLength(2);
  });

  test("one octet at a time", async () => {
    const { smtp, accepted } = await start({});
    const client = await greeted(smtp, "ann@sender.example");
    client.socket.setNoDelay(true);
    for (const octet of "RCPT TO:<a@shop.example>\r\nDATA\r\n..a\r\n.\r\n") await client.write(octet);
    expect([await client.reply(), await client.reply(), await client.reply()]).toMatchObject(
      [/^250 Ok/, /^354/, /^250 OK/].map((pattern) => expect.stringMatching(pattern)),
    );
    const raw = accepted[0]?.raw;
    expect(raw?.kind === "inline" && Buffer.from(raw.bytes).toString()).toBe(".a\r\n");
  });

  test("RSET and EHLO end the transaction", async () => {
    const { smtp } = await start({});
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    expect(await client.say("RSET\r\n")).toMatch(/^250 /);
    expect(await client.say("DATA\r\n")).toMatch(/^503 /);
    await client.say("MAIL FROM:<a@sender.example>\r\n");
    await client.say("EHLO mx.sender.example\r\n");
    expect(await client.say("RCPT TO:<a@shop.example>\r\n")).toMatch(/^503 /);
  });
});

describe("time", () => {
  const later = (ms: number) => {
    endpoint.world.now = new Date(endpoint.world.now.getTime() + ms);
    return endpoint.smtp.sweep();
  };

  test("a command that takes too long ends the session, though octets keep coming", async () => {
    const { smtp, refusals } = await start({});
    const client = await greeted(smtp, "ann@sender.example");
    await later(299_000);
    void client.write("RCPT TO:");
    await later(2_000);
    expect(await client.reply()).toBe("421 4.4.2 Timeout, closing connection");
    await client.ended;
    expect(refusals).toMatchObject([{ reason: "the client was too slow", from: "ann@sender.example" }]);
  });

  test("near the connection limit a silent client goes after 30 seconds", async () => {
    const { smtp } = await start({}, { limits: { connections: 2 } });
    const [one, two] = [await greeted(smtp), await greeted(smtp)];
    await later(31_000);
    expect([await one.reply(), await two.reply()]).toEqual(Array(2).fill("421 4.4.2 Timeout, closing connection"));
  });

  test("a client that only says NOOP goes after half an hour", async () => {
    const { smtp } = await start({});
    const client = await greeted(smtp);
    for (let minutes = 0; minutes < 30; minutes += 3) {
      await later(180_000);
      await client.say("NOOP\r\n");
    }
    await later(1_000);
    expect(await client.reply()).toMatch(/^421 /);
  });

  test("data may take three minutes, and a second more for every 1000 octets", async () => {
    const { smtp, folder, reception } = await start({});
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    await client.write(`${"a".repeat(140_000)}`);
    // 128 KB of the octets are there when the spool file is.
    while ((await readdir(folder)).length < 2) await new Promise(setImmediate);
    await later(300_000);
    expect(smtp.connections()).toBe(1);
    await later(30_000);
    expect(await client.reply()).toMatch(/^421 /);
    await client.ended;
    await reception.settled();
    expect(await readdir(folder)).toEqual(["smtp-tls.pem"]);
  });
});

test("a filter that was added holds for the next mail of a session, and EHLO may give another name", async () => {
  const { smtp, accepted, world } = await start({});
  const client = await greeted(smtp, "ann@sender.example");
  await client.say("RCPT TO:<a@shop.example>\r\n");
  await client.say("DATA\r\n");
  await client.say("a\r\n.\r\n");
  await client.say("EHLO other.sender.example\r\n");
  await client.say("MAIL FROM:<ann@sender.example>\r\n");
  expect(await client.say("RCPT TO:<a@shop.example>\r\n")).toBe("250 Ok");
  await client.say("DATA\r\n");
  await client.say("a\r\n.\r\n");
  expect(accepted.map(({ message }) => message.client.helo)).toEqual(["mx.sender.example", "other.sender.example"]);
  world.receiving = { ...world.receiving, ipFilters: [{ name: "loop", policy: "Block", cidr: "127.0.0.0/8" }] };
  await client.say("MAIL FROM:<ann@sender.example>\r\n");
  expect(await client.say("RCPT TO:<a@shop.example>\r\n")).toBe(blacklisted);
});

test("closing lets a message under way end, and sends the idle away", async () => {
  const { smtp, accepted } = await start({});
  const idle = await greeted(smtp);
  const busy = await greeted(smtp, "ann@sender.example");
  await busy.say("RCPT TO:<a@shop.example>\r\n");
  await busy.say("DATA\r\n");
  const closing = smtp.close({ drainMs: 10_000 });
  expect(await idle.reply()).toBe("421 4.3.2 Shutting down, try again later");
  expect(await busy.say("a\r\n.\r\n")).toMatch(/^250 OK /);
  busy.socket.end();
  idle.socket.end();
  await closing;
  expect(accepted).toHaveLength(1);
  await endpoint.stop().catch(() => undefined);
  await start({});
});

test("the client's name is stored if it is known when the message is complete, and waited for by nobody", async () => {
  const name = Promise.withResolvers<string>();
  const { smtp, accepted } = await start({}, { reverse: () => name.promise });
  const send = async () => {
    const client = await greeted(smtp, "ann@sender.example");
    await client.say("RCPT TO:<a@shop.example>\r\n");
    await client.say("DATA\r\n");
    await client.say("a\r\n.\r\n");
  };
  await send();
  name.resolve("mx.sender.example");
  await send();
  expect(accepted.map(({ message }) => message.client.rdns)).toEqual([undefined, "mx.sender.example"]);
});

test("a renewed certificate is taken without a restart, by the next handshake", async () => {
  const { smtp, certificate } = await start({});
  const subject = async () => {
    const client = await greeted(smtp);
    expect(await client.say("STARTTLS\r\n")).toMatch(/^220 /);
    const socket = connectTls({ socket: client.socket, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return subject.CN;
  };
  expect(await subject()).toBe("localhost");
  certificate.renewed = createSelfSignedCertificate(["mx.shop.example"], endpoint.world.now, new Uint8Array(16));
  await smtp.sweep();
  expect(await subject()).toBe("mx.shop.example");
});

test.for([
  "in one packet with it",
  "in the next packet",
])("commands sent behind STARTTLS, %s, do not get into the session under TLS (CVE-2011-0411)", async (when) => {
  const { smtp, refusals } = await start({});
  const { socket, reply } = await greeted(smtp);
  const injected = "EHLO evil.example\r\nMAIL FROM:<evil@sender.example>\r\nRCPT TO:<nobody@elsewhere.example>\r\n";
  if (when === "in the next packet") {
    socket.write("STARTTLS\r\n");
    socket.write(injected);
  } else socket.write(`STARTTLS\r\n${injected}`);
  expect(await reply()).toMatch(/^220 /);
  const secure = connectTls({ socket, rejectUnauthorized: false });
  const first = new Promise<string>((resolve) => {
    secure.once("data", (data) => resolve(String(data)));
    // Whoever takes the octets for a part of the handshake ends the connection, which is as good.
    secure.once("error", () => resolve("ended"));
    secure.once("close", () => resolve("ended"));
    secure.once("secureConnect", () => secure.write("RCPT TO:<a@shop.example>\r\n"));
  });
  expect(await first).toMatch(/^503 |^ended$/);
  secure.destroy();
  expect(refusals).toEqual([]);
});

test("whatever is sent, in whatever pieces, the server goes on receiving", async () => {
  const { smtp, accepted } = await start({});
  const words = [
    "EHLO a\r\n",
    "MAIL FROM:<a@sender.example>\r\n",
    "RCPT TO:<a@shop.example>\r\n",
    "DATA\r\n",
    ".\r\n",
    "\r\n.\r\n",
  ];
  const odd = [
    "STARTTLS\r\n",
    "RSET\r\n",
    "MAIL FROM:<\r\n",
    "RCPT TO:<>\r\n",
    "\0\xff\r\n",
    "BDAT 3\r\n",
    "\n",
    "\r",
    "a".repeat(5_000),
    "<>:;\r\n",
    "QUIT\r\n",
  ];
  const sessions = fc.sample(fc.array(fc.constantFrom(...words, ...odd), { maxLength: 14 }), fuzzRuns(5321, 45));
  // So many at once as the endpoint takes.
  for (let from = 0; from < sessions.length; from += 45) {
    await Promise.all(
      sessions.slice(from, from + 45).map(async (session) => {
        const client = await dial(smtp);
        await client.reply();
        for (const piece of session) await client.write(Buffer.from(piece, "latin1"));
        client.socket.destroy();
        await client.ended;
      }),
    );
  }
  for (const { message } of accepted) expect(message.recipients).toEqual(["a@shop.example"]);
  const client = await greeted(smtp, "ann@sender.example");
  expect(await client.say("RCPT TO:<a@shop.example>\r\n")).toBe("250 Ok");
});

test("a port that is taken is an error with what to do", async () => {
  const { smtp } = await start({});
  const again = import("../../../local/smtp/server.ts").then(({ startSmtp }) =>
    startSmtp({
      listen: smtp.address,
      region: "us-east-1",
      limits: { messageBytes: 1, connections: 1 },
      reception: endpoint.reception,
      certificate: { load: async () => ({ key: "", cert: "" }), reload: async () => undefined },
      clock: { now: () => new Date(0) },
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    }),
  );
  await expect(again).rejects.toThrow(SmtpListenError);
  await expect(again).rejects.toThrow(/something listens there already.*--smtp/);
});
