import * as z from "zod";
import { secretSource, secretSources } from "../config/secret-source.ts";
import type { SecretSource } from "../config/types.ts";
import type { TicketAttachment } from "../ports.ts";
import { answerError, callJson, type JsonAnswer } from "./call-json.ts";
import { checkTarget } from "./check-target.ts";
import { describeEntry, shortened } from "./describe-entry.ts";
import { fenced } from "./fenced.ts";
import { maxFileBytes, type SinkEntry, SinkError, type SinkIssue, type SinkKind, type SinkTools } from "./sink.ts";

export interface RedmineSink {
  readonly kind: "redmine";
  /** `https://redmine.example.com`, with the path it is installed under. */
  readonly url: string;
  /** The API key of the user who writes. */
  readonly keyFrom: SecretSource;
  /** The project's identifier. */
  readonly project: string;
  /** Number of the tracker. Default: the project's first. */
  readonly tracker?: number;
  /** How the installation formats texts (Administration, Settings, General). Default `textile`. */
  readonly format?: "textile" | "markdown";
  /** Private addresses that the host may resolve to. Default: none. */
  readonly allowPrivate?: readonly string[];
}

const maxSubject = 255;
// Redmine's column takes more; a page of it should still be readable.
const maxText = 60_000;
const maxFiles = 20;
const maxFilesBytes = 25 * 1024 * 1024;

/**
 * Issues of a Redmine. Marks stand in the last line of the description (the ticket's and its first entry's) or the note: what a
 * stranger writes stands above it.
 */
export const redmine: SinkKind<RedmineSink> = {
  kind: "redmine",
  settings: z.strictObject({
    kind: z.literal("redmine"),
    url: z.string().min(1),
    keyFrom: secretSource,
    project: z.string().regex(/^[a-z0-9_-]{1,100}$/, "must be the project's identifier, as in its address"),
    tracker: z.int().min(1).optional(),
    format: z.enum(["textile", "markdown"]).optional(),
    allowPrivate: z.array(z.string().min(1)).min(1).max(20).optional(),
  }),
  keys: { keyFrom: secretSources, format: ["textile", "markdown"] },
  check: checkTarget,
  secrets: ({ keyFrom }) => [keyFrom],
  async create(settings, tools) {
    const call = caller(settings, tools);
    const { project, tracker, format = "textile" } = settings;

    let statuses: Promise<z.infer<typeof statusesAnswer>["issue_statuses"]> | undefined;
    // The time of closing stays in an issue that was opened again; only its status says what it is.
    const statusesOnce = () => {
      statuses ??= call("GET", "/issue_statuses.json").then(
        (answer) => expect(answer, 200, statusesAnswer, "the statuses").issue_statuses,
      );
      return statuses;
    };
    const read = async (ref: string): Promise<SinkIssue | undefined> => {
      const answer = await call("GET", `/issues/${ref}.json?include=journals`);
      if (answer.status === 404) return undefined;
      const { issue } = expect(answer, 200, issueAnswer, `issue ${ref}`);
      const texts = [issue.description ?? "", ...(issue.journals ?? []).map(({ notes }) => notes ?? "")];
      return {
        ref: String(issue.id),
        url: `${baseOf(settings)}/issues/${issue.id}`,
        state: (await statusesOnce()).find(({ id }) => id === issue.status.id)?.is_closed === true ? "closed" : "open",
        marks: new Set(texts.flatMap((text) => marksIn(text).slice(-1))),
      };
    };

    return {
      kind: "asked",
      async find({ mark, ticket }, ref) {
        if (ref !== undefined) {
          const known = await read(ref);
          if (known !== undefined) return known;
          throw new SinkError(`Issue ${ref} is not in Redmine any more, or not to be seen with this key`, {
            kind: "refused",
          });
        }
        // This form knows no operators in the value, and finds closed issues too.
        const query = new URLSearchParams([
          ["set_filter", "1"],
          ["f[]", "description"],
          ["op[description]", "~"],
          ["v[description][]", mark],
          ["sort", "id"],
          ["limit", "100"],
        ]);
        const answer = await call("GET", `/issues.json?${query}`);
        const { issues } = expect(answer, 200, issuesAnswer, "the search for the ticket's mark");
        // Numbers of tickets can be guessed, marks of entries cannot.
        const [oldest] = issues.filter(({ description }) => {
          const [of, first] = marksIn(description ?? "");
          return of === mark && ticket.entries.some((entry) => "sesMessageId" in entry && entry.sesMessageId === first);
        });
        return oldest && read(String(oldest.id));
      },
      async open({ mark, ticket }, entry) {
        const subject = ticket.subject.trim() === "" ? `Ticket ${ticket.id}` : ticket.subject;
        const answer = await call("POST", "/issues.json", {
          issue: {
            project_id: project,
            ...(tracker !== undefined && { tracker_id: tracker }),
            subject: Array.from(subject).slice(0, maxSubject).join(""),
            ...(await content(entry, "description", `${mark} ${entry.mark}`)),
          },
        });
        const { issue } = expect(answer, 201, issueAnswer, "a new issue");
        const opened = await read(String(issue.id));
        if (opened === undefined) throw new SinkError(`The new issue ${issue.id} is not to be seen with this key`);
        return opened;
      },
      async add({ ref }, entry) {
        const answer = await call("PUT", `/issues/${ref}.json`, { issue: await content(entry, "notes", entry.mark) });
        if (answer.status !== 204 && answer.status !== 200) throw answerError(answer, "a note", "entry");
        // Redmine leaves out without a word what the user may not write.
        if ((await read(ref))?.marks.has(entry.mark) === true) return;
        throw new SinkError("Redmine took a note and does not show it: may the key's user add notes?");
      },
      async settle({ ref, state }, { ticket }) {
        if (state === ticket.state) return;
        const wanted = (await statusesOnce()).find(({ is_closed: closed }) => closed === (ticket.state === "closed"));
        if (wanted === undefined) throw new SinkError(`Redmine has no status that is ${ticket.state}`);
        const answer = await call("PUT", `/issues/${ref}.json`, { issue: { status_id: wanted.id } });
        if (answer.status !== 204 && answer.status !== 200) throw answerError(answer, "the status", "anything");
        if ((await read(ref))?.state === ticket.state) return;
        throw new SinkError(`The workflow does not let the key's user make issue ${ref} "${wanted.name}"`);
      },
    };

    async function content({ entry }: SinkEntry, place: "description" | "notes", marks: string) {
      const uploads: { readonly token: string; readonly filename: string; readonly content_type: string }[] = [];
      const left: string[] = [];
      let sizeBytes = 0;
      for (const file of entry.kind === "mail" ? entry.attachments : []) {
        const fits = file.sizeBytes <= maxFileBytes && sizeBytes + file.sizeBytes <= maxFilesBytes;
        const token = fits && uploads.length < maxFiles ? await upload(file) : undefined;
        if (token === undefined) left.push(`Not brought here: ${file.fileName} (${file.sizeBytes} octets)`);
        else {
          uploads.push({ token, filename: file.fileName, content_type: file.contentType });
          sizeBytes += file.sizeBytes;
        }
      }
      const facts = [describeEntry(entry), ...left.slice(0, 50)].join("\n");
      const text = block(`${facts}\n\n${shortened(entry.text, maxText)}`, format);
      return { [place]: `${text}\n\nmailweir: ${marks}`, ...(uploads.length > 0 && { uploads }) };
    }

    async function upload(file: TicketAttachment): Promise<string | undefined> {
      const body = await tools.file(file);
      const answer = await call("POST", `/uploads.json?filename=${encodeURIComponent(file.fileName)}`, body);
      // Larger than this Redmine allows, or of a kind that it does not want.
      if (answer.status === 422 || answer.status === 413) return undefined;
      return expect(answer, 201, uploadAnswer, "a file").upload.token;
    }
  },
};

type Call = (method: "GET" | "POST" | "PUT", path: string, content?: object | Uint8Array) => Promise<JsonAnswer>;

function caller(settings: RedmineSink, { secrets, http }: SinkTools): Call {
  const { keyFrom, allowPrivate = [] } = settings;
  return async (method, path, content) => {
    const key = (await secrets.read(keyFrom)).trim();
    const request = { method, url: `${baseOf(settings)}${path}`, allowPrivate };
    const headers = { "x-redmine-api-key": key };
    if (!(content instanceof Uint8Array))
      return callJson(http, { ...request, headers, ...(content && { json: content }) });
    return callJson(http, {
      ...request,
      headers: { ...headers, "content-type": "application/octet-stream" },
      body: content,
    });
  };
}

const baseOf = ({ url }: RedmineSink) => url.replace(/\/+$/, "");

/** Only as the last line: above it stands what somebody wrote. A description has the ticket's mark too, first. */
function marksIn(text: string): string[] {
  return (/(?:^|\n)mailweir: (\S{1,200}(?: \S{1,200})?)\s*$/.exec(text)?.[1] ?? "").split(" ").filter(Boolean);
}

/** A text as it is: no markup of a stranger's, no image that loads, no mention. */
function block(text: string, format: "textile" | "markdown"): string {
  if (format === "markdown") return fenced(text);
  const clean = text.replace(/\r\n?/g, "\n").trimEnd();
  return `<pre>\n${clean.replace(/<(?=\s*\/?\s*pre)/gi, "<\u200b")}\n</pre>`;
}

const issue = z.looseObject({
  id: z.int(),
  status: z.looseObject({ id: z.int() }),
  description: z.string().nullish(),
  journals: z.array(z.looseObject({ notes: z.string().nullish() })).optional(),
});
const issueAnswer = z.looseObject({ issue });
const issuesAnswer = z.looseObject({ issues: z.array(issue) });
const statusesAnswer = z.looseObject({
  issue_statuses: z.array(z.looseObject({ id: z.int(), name: z.string(), is_closed: z.boolean().default(false) })),
});
const uploadAnswer = z.looseObject({ upload: z.looseObject({ token: z.string() }) });
function expect<Value>(answer: JsonAnswer, status: number, schema: z.ZodType<Value>, what: string): Value {
  if (answer.status !== status) throw answerError(answer, what, "anything");
  const result = schema.safeParse(answer.json);
  if (result.success) return result.data;
  throw new SinkError(`The answer for ${what} is none of Redmine's: is the address right?`);
}
