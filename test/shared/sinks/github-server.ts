import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly response: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Exchanges that were recorded from GitHub (the package @octokit/fixtures); ids and times in them are made even. */
export function recorded(scenario: string): readonly Exchange[] {
  const path = `../../../node_modules/@octokit/fixtures/scenarios/api.github.com/${scenario}/normalized-fixture.json`;
  return JSON.parse(readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8")) as Exchange[];
}

export const token = "0000000000000000000000000000000000000001";

export interface GithubServer {
  readonly url: string;
  /** Method and path of each request, oldest first. */
  readonly requests: readonly string[];
  readonly issues: readonly { readonly title: string; readonly body: string; readonly comments: readonly string[] }[];
  close(): Promise<void>;
}

type Answer = (request: {
  readonly method: string;
  readonly url: URL;
  readonly json: Readonly<Record<string, unknown>>;
}) => { readonly status: number; readonly json: unknown; readonly headers?: Readonly<Record<string, string>> };

async function serve(answerOf: (base: string) => Answer) {
  const requests: string[] = [];
  let answer: Answer;
  const server = createServer(async (request, response) => {
    const body = await textOf(request);
    const { method = "", url: path = "" } = request;
    requests.push(`${method} ${path}`);
    const given = request.headers.authorization === `Bearer ${token}`;
    const { status, json, headers } = given
      ? answer({ method, url: new URL(path, base), json: body === "" ? {} : JSON.parse(body) })
      : { status: 401, json: { message: "Bad credentials" }, headers: {} };
    response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
    response.end(JSON.stringify(json));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  answer = answerOf(base);
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: base, requests, close };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** Answers what was recorded, in that order, whatever the query says; another method or path ends the test. */
export async function replayServer(exchanges: readonly Exchange[]) {
  let at = 0;
  return serve((base) => ({ method, url }) => {
    const next = exchanges[at++];
    const isNext = next?.method.toUpperCase() === method && next.path.split("?")[0] === url.pathname;
    if (!next || !isNext) throw new Error(`${method} ${url.pathname} was not recorded here`);
    const link = next.headers?.["link"]?.replaceAll("https://api.github.com", base);
    return { status: next.status, json: next.response, headers: { ...(link !== undefined && { link }) } };
  });
}

/** A repository whose issues are kept, with answers in the form of the recorded ones. Lists come two a page. */
export async function githubServer(): Promise<GithubServer> {
  const [made] = recorded("add-labels-to-issue");
  const form = made?.response as Readonly<Record<string, unknown>>;
  const issues: { title: string; body: string; state: string; comments: string[] }[] = [];
  const shown = (number: number) => {
    const { title = "", body = "", state = "open" } = issues[number - 1] ?? {};
    return { ...form, number, title, body, state, html_url: `https://github.example/acme/support/issues/${number}` };
  };
  const server = await serve((base) => ({ method, url, json }) => {
    const parts = /^\/repos\/acme\/support\/issues(?:\/(\d+)(\/comments)?)?$/.exec(url.pathname);
    const number = Number(parts?.[1] ?? 0);
    const issue = issues[number - 1];
    const page = (all: readonly unknown[]) => {
      const current = Number(url.searchParams.get("page") ?? 1);
      const next = new URL(url);
      next.searchParams.set("page", String(current + 1));
      const more = all.length > current * 2;
      const headers = more ? { link: `<${base}/x?page=1>; rel="prev", <${next.href}>; rel="next"` } : {};
      return { status: 200, json: all.slice(current * 2 - 2, current * 2), headers };
    };
    const tooLong = typeof json["body"] === "string" && json["body"].length > 65_536;
    if (parts === null || (number > 0 && issue === undefined)) return { status: 404, json: { message: "Not Found" } };
    if (tooLong) return { status: 422, json: { message: "Validation Failed" } };
    if (parts[2] !== undefined && issue !== undefined) {
      if (method === "GET") return page(issue.comments.map((body, index) => ({ id: index + 1, body })));
      issue.comments.push(String(json["body"]));
      return { status: 201, json: { id: issue.comments.length, body: json["body"] } };
    }
    if (issue !== undefined) {
      if (method === "PATCH") issue.state = String(json["state"]);
      return { status: 200, json: shown(number) };
    }
    if (method === "GET") {
      const wanted = url.searchParams.get("state") ?? "open";
      const all = issues.flatMap((each, index) =>
        wanted === "all" || each.state === wanted ? [shown(index + 1)] : [],
      );
      return page(url.searchParams.get("direction") === "asc" ? all : all.reverse());
    }
    issues.push({ title: String(json["title"]), body: String(json["body"]), state: "open", comments: [] });
    return { status: 201, json: shown(issues.length) };
  });
  return { ...server, issues };
}
