import { mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { nodeFileSystem } from "../../local/store/files.ts";
import { createWorkMailDelivery } from "../../local/work-mail-delivery.ts";
import { mail, startConsoleEngine } from "./console/console-engine.ts";
import { sesId } from "./store/store-fixture.ts";

async function* body() {
  yield Buffer.from("Subject: a\r\n\r\nb\r\n");
}

test("each address has a mailbox of its own, whatever it holds, and a repeated delivery is none", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-workmail-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const deliver = createWorkMailDelivery(nodeFileSystem, folder);
  const to = (recipient: string) =>
    deliver({ sesMessageId: sesId(1), recipient, receivedAt: new Date("2026-08-04T09:15:02Z"), body: body() });
  const addresses = [
    "Ann@a.example",
    "ann@b.example",
    '"../x"@a.example',
    '"..:x"@a.example',
    `${"a".repeat(64)}@${"b".repeat(60)}.example`,
  ];
  const places = new Set<string>();
  for (const address of addresses) places.add(await to(address));
  expect(places.size).toBe(addresses.length);
  const folders = await readdir(folder);
  expect(folders.toSorted()).toEqual([...places].map((place) => place.slice(folder.length + 1)).toSorted());
  expect(folders).toContain("workmail-ann@a.example");

  const box = join(folder, "workmail-ann@a.example");
  const [name = ""] = await readdir(join(box, "new"));
  expect(await readFile(join(box, "new", name), "utf8")).toBe("Subject: a\r\n\r\nb\r\n");
  // Read by a mail program since.
  await rename(join(box, "new", name), join(box, "cur", `${name}:2,S`));
  await to("ann@A.example");
  expect([await readdir(join(box, "new")), await readdir(join(box, "cur"))]).toEqual([[], [`${name}:2,S`]]);
});

test("a WorkMail rule delivers in the running engine, with SES's block on top", async () => {
  const running = await startConsoleEngine({
    rejects: [],
    ruleSet: {
      name: "mailweir",
      rules: [
        {
          name: "mail",
          enabled: true,
          tlsPolicy: "Optional",
          scanEnabled: true,
          recipients: ["example.com"],
          actions: [
            {
              type: "WorkMail",
              organizationArn:
                "arn:aws:workmail:us-east-1:000000000000:organization/m-00000000000000000000000000000000",
            },
          ],
        },
      ],
    },
  });
  onTestFinished(() => running.close());
  const id = await running.send(mail("Hello"), ["ann@example.com", "bob@example.com"]);
  await running.ended();
  for (const who of ["ann", "bob"]) {
    const box = join(running.engine.data, "maildir", `workmail-${who}@example.com`, "new");
    const names = await readdir(box);
    expect(names).toHaveLength(1);
    expect(await readFile(join(box, names[0] ?? ""), "utf8")).toMatch(
      new RegExp(`^Return-Path: <ann@sender\\.example>\r\n[\\s\\S]*id ${id}[\\s\\S]*Subject: Hello\r\n`),
    );
  }
  const journey = (await (await running.fetch(`/api/messages/${id}`)).json()) as {
    rules: { actions: { log: unknown }[] }[];
  };
  expect(journey.rules[0]?.actions[0]?.log).toMatchObject({
    state: "done",
    metrics: { PublishSuccess: 1, PublishFailure: 0, PublishExpired: 0 },
  });
}, 30_000);
