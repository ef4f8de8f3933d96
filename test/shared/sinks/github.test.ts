import { expect, onTestFinished, test } from "vitest";
import type { Ticket } from "../../../shared/ports.ts";
import { createWebhooks } from "../../../shared/propagation/guarded-post.ts";
import { github } from "../../../shared/sinks/github.ts";
import type { AskedSink, SinkEntry, SinkTicket } from "../../../shared/sinks/sink.ts";
import { sinksContract } from "../../contract/sinks.ts";
import { testId } from "../streams/stream-fixture.ts";
import { githubServer, recorded, replayServer, token } from "./github-server.ts";

const sinkAt = async (url: string, repository: string, key = token) =>
  (await github.create(
    { kind: "github", url, repository, tokenFrom: { env: "TOKEN" }, allowPrivate: ["127.0.0.1"], labels: ["mail"] },
    {
      name: "dev",
      clock: { now: () => new Date() },
      secrets: { read: async () => key },
      http: createWebhooks(),
      file: async () => new Uint8Array(),
    },
  )) as AskedSink;

sinksContract("GitHub Issues, answers in the recorded form", async () => {
  const server = await githubServer();
  return {
    sink: await sinkAt(server.url, "acme/support"),
    async texts(ref) {
      const { title, body, comments } = server.issues[Number(ref) - 1]!;
      return [title, body, ...comments].join("\n");
    },
    close: server.close,
  };
});

const entry: SinkEntry = {
  mark: testId(1),
  entry: {
    kind: "mail",
    sesMessageId: testId(1),
    bodySha256: "a".repeat(64),
    recipient: "support@example.com",
    author: { name: "Ann Lee", address: "ann@sender.example" },
    to: ["support@example.com"],
    cc: [],
    trust: "aligned",
    subject: "Order 1207",
    text: "Where is it?",
    attachments: [],
    raw: { kind: "s3", bucket: "mail", key: "inbound/1" },
    at: "2026-08-04T09:15:02.417Z",
  },
};
const ticket: Ticket = {
  id: 12,
  state: "open",
  subject: "Order 1207",
  participants: ["ann@sender.example"],
  tags: [],
  createdAt: "2026-08-04T09:15:02.417Z",
  updatedAt: "2026-08-04T09:15:02.417Z",
  entries: [entry.entry],
};
const named: SinkTicket = { mark: "mailweir-12-1785834902", ticket };
const marked = `text\n\n<!-- mailweir ${named.mark} ${entry.mark} -->`;

test("recorded: the answer to a new issue is understood", async () => {
  const server = await replayServer(recorded("add-labels-to-issue").slice(0, 1));
  onTestFinished(server.close);
  const sink = await sinkAt(server.url, "octokit-fixture-org/add-labels-to-issue");
  expect(await sink.open(named, entry)).toMatchObject({
    ref: "1",
    url: "https://github.com/octokit-fixture-org/add-labels-to-issue/issues/1",
    state: "open",
  });
  expect(server.requests).toEqual(["POST /repos/octokit-fixture-org/add-labels-to-issue/issues"]);
});

test("recorded: every page of a list is read before an issue is said to be missing", async () => {
  const server = await replayServer(recorded("paginate-issues"));
  onTestFinished(server.close);
  const sink = await sinkAt(server.url, "octokit-fixture-org/paginate-issues");
  expect(await sink.find(named, undefined)).toBeUndefined();
  expect(server.requests).toHaveLength(5);
  const query = new URL(server.requests[0]!.slice(4), server.url).searchParams;
  expect(Object.fromEntries(query)).toEqual({
    state: "all",
    since: "2026-08-04T09:05:02Z",
    sort: "created",
    direction: "asc",
    per_page: "100",
  });
});

test("recorded: an issue on the last page is found; a pull request with its mark, or a guessed mark, is not", async () => {
  const pages = recorded("paginate-issues").map((exchange) => structuredClone(exchange)) as {
    response: { number: number; body: string | null; pull_request?: object }[];
  }[];
  const [first] = pages[0]!.response;
  const [last] = pages.at(-1)!.response;
  Object.assign(first!, { body: marked, pull_request: {} });
  Object.assign(pages[1]!.response[0]!, { body: marked.replace(entry.mark, testId(2)) });
  Object.assign(last!, { body: marked });
  const comments = {
    method: "get",
    path: `/repos/octokit-fixture-org/paginate-issues/issues/${last!.number}/comments`,
  };
  const exchanges = [...pages, { ...comments, status: 200, response: [] }] as unknown as Parameters<
    typeof replayServer
  >[0];
  const server = await replayServer(exchanges);
  onTestFinished(server.close);
  const sink = await sinkAt(server.url, "octokit-fixture-org/paginate-issues");
  expect(await sink.find(named, undefined)).toMatchObject({ ref: String(last!.number), marks: new Set([entry.mark]) });
});

test("recorded: what GitHub says is wrong with a request is in the error", async () => {
  const [exchange] = recorded("errors");
  const issues = "/repos/octokit-fixture-org/errors/issues";
  for (const [path, kind] of [
    [issues, "setback"],
    [`${issues}/1/comments`, "refused"],
  ] as const) {
    const server = await replayServer([{ ...exchange!, path }]);
    onTestFinished(server.close);
    const sink = await sinkAt(server.url, "octokit-fixture-org/errors");
    const issue = { ref: "1", state: "open", marks: new Set<string>() } as const;
    const call = kind === "setback" ? sink.open(named, entry) : sink.add(issue, entry);
    await expect(call).rejects.toMatchObject({
      code: "ERR_SINK",
      kind,
      message: expect.stringMatching(/^HTTP 422 .*Validation Failed/),
    });
  }
});

test("a wrong token is a setback that says what to look at", async () => {
  const server = await githubServer();
  onTestFinished(server.close);
  const sink = await sinkAt(server.url, "acme/support", "another token");
  await expect(sink.open(named, entry)).rejects.toMatchObject({
    kind: "setback",
    message: expect.stringContaining("check the key"),
  });
});

test("the token goes to no other server, whatever a next page's address says", async () => {
  const [page] = recorded("paginate-issues");
  const elsewhere = { ...page!, headers: { link: '<https://elsewhere.example/issues?page=2>; rel="next"' } };
  const server = await replayServer([elsewhere]);
  onTestFinished(server.close);
  const sink = await sinkAt(server.url, "octokit-fixture-org/paginate-issues");
  await expect(sink.find(named, undefined)).rejects.toThrow("elsewhere.example");
});
