import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeStreamMessage } from "../../../shared/streams/read-stream-message.ts";
import { streamMessageVersion } from "../../../shared/streams/stream-message.ts";
import { messageUpgrades, upgradeMessage } from "../../../shared/streams/upgrade-message.ts";

const kept = new URL("kept/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, kept), "utf8");

test("every version has its kept message, and every one but the newest its step", () => {
  const versions = Array.from({ length: streamMessageVersion }, (_, at) => `version-${at + 1}.json`);
  expect(readdirSync(kept).toSorted()).toEqual(versions);
  expect(messageUpgrades).toHaveLength(streamMessageVersion - 1);
});

test.for(readdirSync(kept))("%s is read by today's workers", (name) => {
  expect(decodeStreamMessage(read(name))).toMatchObject({
    version: streamMessageVersion,
    sesMessageId: "5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1",
    stream: "ticket",
    recipients: ["support@example.com"],
    headers: { subject: "Broken door" },
  });
});

test("steps follow each other from the version that the message has", () => {
  const steps = [
    (older: Readonly<Record<string, unknown>>) => ({ ...older, second: older["first"] }),
    ({ second, ...older }: Readonly<Record<string, unknown>>) => ({ ...older, third: second }),
  ];
  expect(upgradeMessage({ version: 1, first: "x" }, steps)).toEqual({ version: 3, first: "x", third: "x" });
  expect(upgradeMessage({ version: 2, second: "y" }, steps)).toEqual({ version: 3, third: "y" });
});

test.for([[{ version: 9 }], [{ version: "1x" }], [{}], [null], ["text"]])("%j comes back as it is", ([json]) => {
  expect(upgradeMessage(json, [(older) => ({ ...older, touched: true })])).toEqual(json);
});
