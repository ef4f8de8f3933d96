import * as z from "zod";
import { secretSource, secretSources } from "../config/secret-source.ts";
import type { SecretSource } from "../config/types.ts";
import { answerError, callJson, type JsonAnswer } from "./call-json.ts";
import { checkTarget } from "./check-target.ts";
import { describeEntry, shortened } from "./describe-entry.ts";
import { fenced } from "./fenced.ts";
import { type SinkEntry, SinkError, type SinkIssue, type SinkKind, type SinkTools } from "./sink.ts";

export interface GithubSink {
  readonly kind: "github";
  /** `owner/name`. */
  readonly repository: string;
  /** A token that may read and write the repository's issues. */
  readonly tokenFrom: SecretSource;
  /** Labels of new issues. Default: none. */
  readonly labels?: readonly string[];
  /** Of GitHub Enterprise Server: `https://github.example.com/api/v3`. */
  readonly url?: string;
  /** Private addresses that the host may resolve to. Default: none. */
  readonly allowPrivate?: readonly string[];
}

const publicUrl = "https://api.github.com";
const maxTitle = 250;
// GitHub takes 65,536 characters.
const maxText = 50_000;
const pageSize = 100;
const maxPages = 30;
// Clocks differ.
const beforeMs = 10 * 60_000;

/**
 * Issues of a GitHub repository. Marks stand in an HTML comment, the last line of the issue (the ticket's and its first
 * entry's) or of the comment. Issues are listed, not searched for: GitHub's search is minutes behind.
 */
export const github: SinkKind<GithubSink> = {
  kind: "github",
  settings: z.strictObject({
    kind: z.literal("github"),
    repository: z.string().regex(/^[\w.-]{1,100}\/[\w.-]{1,100}$/, "must be owner/name"),
    tokenFrom: secretSource,
    labels: z.array(z.string().min(1).max(50)).min(1).max(20).optional(),
    url: z.string().min(1).optional(),
    allowPrivate: z.array(z.string().min(1)).min(1).max(20).optional(),
  }),
  keys: { tokenFrom: secretSources },
  check: ({ url = publicUrl, allowPrivate }) =>
    checkTarget({ url, ...(allowPrivate !== undefined && { allowPrivate }) }),
  secrets: ({ tokenFrom }) => [tokenFrom],
  async create(settings, tools) {
    const { repository, labels } = settings;
    const call = caller(settings, tools);
    const issues = `/repos/${repository}/issues`;

    return {
      kind: "asked",
      async find({ mark, ticket }, ref) {
        const found = ref === undefined ? await search(mark, ticket.createdAt) : await known(ref);
        if (found === undefined) return undefined;
        const comments = await pages(`${issues}/${found.number}/comments?per_page=${pageSize}`, commentsAnswer);
        return toIssue(found, [found.body ?? "", ...comments.map(({ body }) => body ?? "")]);

        async function search(wanted: string, createdAt: string) {
          const since = new Date(Date.parse(createdAt) - beforeMs).toISOString().replace(/\.\d+Z$/, "Z");
          const query = new URLSearchParams({ state: "all", since, sort: "created", direction: "asc" });
          const listed = await pages(`${issues}?${query}&per_page=${pageSize}`, issuesAnswer);
          // Whoever may open issues could guess a ticket's mark; those of entries cannot be guessed.
          return listed.find(({ body, pull_request: isPull }) => {
            const [of, first] = marksIn(body ?? "");
            const isOurs = ticket.entries.some((entry) => "sesMessageId" in entry && entry.sesMessageId === first);
            return isPull === undefined && of === wanted && isOurs;
          });
        }
      },
      async open({ mark, ticket }, entry) {
        const title = ticket.subject.trim() === "" ? `Ticket ${ticket.id}` : ticket.subject;
        const answer = await call("POST", issues, {
          title: Array.from(title).slice(0, maxTitle).join(""),
          body: content(entry, `${mark} ${entry.mark}`),
          ...(labels !== undefined && { labels }),
        });
        const made = expect(answer, 201, issueAnswer, "a new issue", "anything");
        return toIssue(made, [made.body ?? ""]);
      },
      async add({ ref }, entry) {
        const answer = await call("POST", `${issues}/${ref}/comments`, { body: content(entry, entry.mark) });
        expect(answer, 201, z.looseObject({ id: z.number() }), "a comment", "entry");
      },
      async settle({ ref, state }, { ticket }) {
        if (state === ticket.state) return;
        const answer = await call("PATCH", `${issues}/${ref}`, { state: ticket.state });
        const now = expect(answer, 200, issueAnswer, "the state", "anything");
        if (now.state !== ticket.state) throw new SinkError(`GitHub left issue ${ref} ${now.state}`);
      },
    };

    async function known(ref: string) {
      const answer = await call("GET", `${issues}/${ref}`);
      // Deleted, moved to another repository, or the repository has none any more.
      if ([301, 404, 410].includes(answer.status)) {
        throw new SinkError(`Issue ${ref} is not in ${repository} any more, or not to be seen with this token`, {
          kind: "refused",
        });
      }
      return expect(answer, 200, issueAnswer, `issue ${ref}`, "anything");
    }

    /** All pages of a list (RFC 8288): half a list would make a second issue. */
    async function pages<Value>(path: string, schema: z.ZodType<readonly Value[]>): Promise<readonly Value[]> {
      const found: Value[] = [];
      let next: string | undefined = path;
      for (let page = 0; next !== undefined; page++) {
        if (page === maxPages)
          throw new SinkError(`${repository} lists more than ${maxPages * pageSize} of what is asked`);
        const answer: JsonAnswer = await call("GET", next);
        found.push(...expect(answer, 200, schema, "a list", "anything"));
        next = /<([^<>]+)>\s*;\s*rel="next"/.exec(answer.link ?? "")?.[1];
      }
      return found;
    }
  },
};

type Call = (method: "GET" | "POST" | "PATCH", pathOrUrl: string, json?: object) => Promise<JsonAnswer>;

function caller({ url = publicUrl, allowPrivate = [], tokenFrom }: GithubSink, { secrets, http }: SinkTools): Call {
  const base = url.replace(/\/+$/, "");
  return async (method, pathOrUrl, json) => {
    const target = new URL(pathOrUrl.startsWith("/") ? base + pathOrUrl : pathOrUrl);
    // The token goes to nobody else, whatever a next page's address says.
    if (target.origin !== new URL(base).origin) throw new SinkError(`GitHub named a page at ${target.origin}`);
    const headers = {
      accept: "application/vnd.github+json",
      "x-github-api-version": "2022-11-28",
      authorization: `Bearer ${(await secrets.read(tokenFrom)).trim()}`,
    };
    return callJson(http, { method, url: target.href, headers, allowPrivate, ...(json && { json }) });
  };
}

function content({ entry }: SinkEntry, marks: string): string {
  const files = (entry.kind === "mail" ? entry.attachments : [])
    .slice(0, 50)
    .map(({ fileName, sizeBytes }) => `File: ${fileName} (${sizeBytes} octets)`);
  const facts = [describeEntry(entry), ...files].join("\n");
  return `${fenced(`${facts}\n\n${shortened(entry.text, maxText)}`)}\n\n<!-- mailweir ${marks} -->`;
}

/** Only as the last line: above it stands what somebody wrote. */
function marksIn(text: string): string[] {
  const marks = /(?:^|\n)<!-- mailweir (\S{1,200}(?: \S{1,200})?) -->\s*$/.exec(text)?.[1] ?? "";
  return marks.split(" ").filter(Boolean);
}

function toIssue({ number, html_url: url, state }: z.infer<typeof issueAnswer>, texts: readonly string[]): SinkIssue {
  return { ref: String(number), url, state, marks: new Set(texts.flatMap((text) => marksIn(text).slice(-1))) };
}

const issueAnswer = z.looseObject({
  number: z.int(),
  html_url: z.string(),
  state: z.enum(["open", "closed"]),
  body: z.string().nullish(),
  pull_request: z.unknown().optional(),
});
const issuesAnswer = z.array(issueAnswer);
const commentsAnswer = z.array(z.looseObject({ body: z.string().nullish() }));

function expect<Value>(
  answer: JsonAnswer,
  status: number,
  schema: z.ZodType<Value>,
  what: string,
  about: "entry" | "anything",
): Value {
  if (answer.status !== status) throw answerError(answer, what, about);
  const result = schema.safeParse(answer.json);
  if (result.success) return result.data;
  throw new SinkError(`The answer for ${what} is none of GitHub's: is the address right?`);
}
