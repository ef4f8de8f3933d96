import { expect, test } from "vitest";
import { hrefOf, readRoute } from "../../../../../local/console/page/shell/route.ts";

test.for<[string, string, readonly string[], Record<string, string>]>([
  ["", "", [], {}],
  ["#/", "", [], {}],
  ["#/message/abc/text", "message", ["abc", "text"], {}],
  ["#/stream/a%2Fb?q=from%3Aann", "stream", ["a/b"], { q: "from:ann" }],
  ["#/stream/%E0%A4%A", "stream", ["%E0%A4%A"], {}],
])("%s", ([hash, name, parts, query]) => {
  const route = readRoute(hash);
  expect(route).toMatchObject({ name, parts });
  expect(Object.fromEntries(route.query)).toEqual(query);
});

test("an address leads back to what it was made of", () => {
  const href = hrefOf("stream", ["a/b?c#d"], { q: "x&y=z", empty: "" });
  const { name, parts, query } = readRoute(href);
  expect({ name, parts, query: Object.fromEntries(query) }).toEqual({
    name: "stream",
    parts: ["a/b?c#d"],
    query: { q: "x&y=z" },
  });
});
