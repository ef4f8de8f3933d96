import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { promisify } from "node:util";
import { createTransport } from "nodemailer";
import { describe, expect, onTestFinished, test } from "vitest";
import { createUnsubscriber } from "../../shared/unsubscribe/sender.ts";
import { startKit } from "../../testing/start.ts";
import { pythonTool } from "./python-tools.ts";

// The headers, as another implementation of RFC 2369, 6068 and 8058 reads them out of a whole signed mail; and its one-click
// request, as it builds it from them, to a running engine.

const python = pythonTool("listunsub") && pythonTool("python");
const checker = `
import email, email.policy, json, sys
import listunsub
message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.SMTP)
every = lambda name: message.get_all(name, [])
header, post, signatures = every("List-Unsubscribe"), every("List-Unsubscribe-Post"), every("DKIM-Signature")
problems = listunsub.audit(header, post, dkim_signatures=signatures)
uris = listunsub.parse_header(header[0]).uris if header else []
links = listunsub.http_links(uris)
def request(form):
    made = listunsub.one_click_request(links[0], form=form)
    return {"method": made.method, "url": made.url, "headers": dict(made.headers), "body": made.body.decode()}
print(json.dumps({
    "problems": [str(problem) for problem in problems],
    "links": links,
    "mails": [listunsub.parse_mailto(uri).to for uri in listunsub.mailto_links(uris)],
    "signed": all(listunsub.dkim_covers(signature) for signature in signatures) and len(signatures) == 1,
    "requests": [request(form) for form in ("multipart", "urlencoded")] if links and links[0].startswith("https:") else [],
}))
`;

interface Checked {
  readonly problems: readonly string[];
  readonly links: readonly string[];
  readonly mails: readonly (readonly string[])[];
  readonly signed: boolean;
  readonly requests: readonly {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }[];
}

/** A mail as a sender's program makes it with these headers, signed (RFC 8058 §4). */
async function mailWith(headers: Readonly<Record<string, string>>): Promise<Buffer> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const transport = createTransport({
    ...{ streamTransport: true, buffer: true, newline: "windows" },
    dkim: {
      ...{ domainName: "example.com", keySelector: "s1" },
      privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      headerFieldNames: "from:to:subject:list-unsubscribe:list-unsubscribe-post",
    },
  });
  const { message } = await transport.sendMail({
    ...{ from: "news@example.com", to: "ann@example.org", subject: "News", text: "Hello." },
    headers: Object.entries(headers).map(([key, value]) => ({ key, value: { prepared: true, value } })),
  });
  return message as Buffer;
}

async function check(raw: Buffer): Promise<Checked> {
  const running = promisify(execFile)(python ?? "", ["-c", checker]);
  running.child.stdin?.end(raw);
  return JSON.parse((await running).stdout);
}

describe.skipIf(python === undefined)("RFC 8058, by listunsub", () => {
  const sender = (url: string) =>
    createUnsubscriber({ secret: "an example secret of the first key", mailto: "unsubscribe@example.com", url });

  test.for<[string, { address: string; list: string; listName?: string }]>([
    ["a list with a name", { address: "ann@example.org", list: "news", listName: "Weekly news" }],
    ["a name in another script", { address: "ann@example.org", list: "news", listName: "週刊ニュース" }],
    ["a long list", { address: "ann@example.org", list: "product.updates.for-everybody" }],
    ["everything", { address: "ann@example.org", list: "*" }],
    ["a long address", { address: `${"a".repeat(60)}@${"sub.".repeat(30)}example.org`, list: "news" }],
    ["an address beyond ASCII", { address: "ann@bücher.example", list: "news" }],
  ])("valid: %s", async ([, recipient]) => {
    const checked = await check(await mailWith(sender("https://mail.example.com/u").headersFor(recipient)));
    expect(checked.problems).toEqual([]);
    expect(checked.signed).toBe(true);
    expect(checked.links).toHaveLength(1);
    expect(checked.mails).toEqual([[expect.stringMatching(/^unsubscribe\+[a-z2-7]{51}@example\.com$/)]]);
  });

  test.for<[string, Readonly<Record<string, string>>]>([
    ["no post header", { "List-Unsubscribe": "<https://mail.example.com/u/x>" }],
    [
      "no HTTPS",
      { "List-Unsubscribe": "<http://mail.example.com/u/x>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" },
    ],
    ["another value", { "List-Unsubscribe": "<https://mail.example.com/u/x>", "List-Unsubscribe-Post": "One-Click" }],
  ])("the checker sees what is wrong: %s", async ([, headers]) => {
    expect((await check(await mailWith(headers))).problems).not.toEqual([]);
  });

  test("the request that it builds from the headers unsubscribes that person, in both forms", async () => {
    const { mailweir, engine } = await startKit({
      config: { domains: ["example.com"], streams: { unsubscribe: { recipients: ["unsubscribe@example.com"] } } },
    });
    onTestFinished(() => mailweir.stop());
    const secret = await engine().ports.secrets.keyRing();
    const ours = createUnsubscriber({ secret, mailto: "unsubscribe@example.com", url: "https://mail.example.com/u" });
    for (const [index, form] of ["multipart/form-data", "application/x-www-form-urlencoded"].entries()) {
      const address = `person${index}@example.org`;
      const { requests } = await check(await mailWith(ours.headersFor({ address, list: "news" })));
      const request = requests[index];
      expect(request?.method).toBe("POST");
      expect(new Headers(request?.headers).get("content-type")).toContain(form);
      // What a proxy with the certificate of that name would pass on.
      const answer = await fetch(new URL(new URL(request?.url ?? "").pathname, mailweir.http), {
        ...{ method: "POST", headers: { ...request?.headers }, body: request?.body ?? "", redirect: "error" },
      });
      expect(answer.status).toBe(200);
      expect(await mailweir.waitFor("unsubscribe", { address, list: "news" })).toMatchObject({ reason: "one-click" });
    }
  });
});
