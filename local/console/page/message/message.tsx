import { useEffect } from "preact/hooks";
import type { Journey } from "../../journey.ts";
import type { MailAnswer } from "../../mail-api.ts";
import { Replay } from "../repair/replay.tsx";
import { hrefOf } from "../shell/route.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { Failed } from "../show/empty.tsx";
import { bytes, count, safe, subjectOf } from "../show/text.ts";
import { Time } from "../show/time.tsx";
import { Attachments } from "./attachments.tsx";
import { Authentication } from "./authentication.tsx";
import { Course } from "./course.tsx";
import { Headers } from "./headers.tsx";
import { Html } from "./html.tsx";
import { Parts } from "./parts.tsx";
import { Path } from "./path.tsx";
import { Raw } from "./raw.tsx";
import { Reply } from "./reply.tsx";
import { Text } from "./text.tsx";

/** One message: what became of it, and what it says. */
export function Message({ id, tab, remote }: { id: string; tab: string; remote: boolean }) {
  const path = `/messages/${encodeURIComponent(id)}`;
  const { value: journey, error } = useAnswer<Journey>(path);
  const { value: mail, error: unread } = useAnswer<MailAnswer>(`${path}/mail`);
  const subject = subjectOf(journey?.subject ?? null);
  useEffect(() => {
    if (journey) document.title = `${subject} · Mailweir`;
  }, [journey, subject]);
  return (
    <>
      <p class="back">
        <a href="#/" data-back>
          ← Messages
        </a>
      </p>
      {error !== undefined && <Failed error={error} />}
      {journey && (
        <>
          <h2>{subject}</h2>
          <p class="meta">
            {safe(journey.author ?? journey.envelope.from) || "<>"} · <Time at={journey.receivedAt} /> ·{" "}
            {bytes(journey.sizeBytes)} · <code>{journey.sesMessageId}</code>
          </p>
          <Course journey={journey} />
          <div class="actions-line">
            <details class="replay-line">
              <summary class="button">Replay</summary>
              <div class="card">
                <Replay what={{ messages: [id] }} />
              </div>
            </details>
            {mail?.author && <Reply id={id} author={safe(mail.author.address)} />}
          </div>
          <Tabs id={id} tab={tab} mail={mail} />
          {tab === "journey" && <Path journey={journey} />}
          {tab === "authentication" && <Authentication journey={journey} />}
          {tab === "raw" && <Raw id={id} />}
          {mail && <Said tab={tab} mail={mail} remote={remote} />}
          {!mail && unread !== undefined && tab !== "journey" && <Failed error={unread} />}
        </>
      )}
    </>
  );
}

function Said({ tab, mail, remote }: { tab: string; mail: MailAnswer; remote: boolean }) {
  switch (tab) {
    case "text":
      return <Text mail={mail} />;
    case "html":
      return <Html mail={mail} remote={remote} />;
    case "headers":
      return <Headers mail={mail} />;
    case "parts":
      return <Parts mail={mail} />;
    case "attachments":
      return <Attachments mail={mail} />;
    default:
      return null;
  }
}

function Tabs({ id, tab, mail }: { id: string; tab: string; mail: MailAnswer | undefined }) {
  const files = mail?.attachments.length ?? 0;
  const tabs: readonly (readonly [name: string, title: string, quantity?: number | undefined])[] = [
    ["journey", "Journey"],
    ["text", "Text"],
    ...(mail && mail.htmlUrl !== null ? [["html", "HTML"] as const] : []),
    ["authentication", "Authentication"],
    ["headers", "Headers", mail?.headers.length],
    ["parts", "Parts", mail?.parts.length],
    ...(files > 0 ? [["attachments", "Attachments", files] as const] : []),
    ["raw", "Raw"],
  ];
  return (
    <nav class="tabs" aria-label="Message">
      {tabs.map(([name, title, quantity]) => (
        <a
          key={name}
          href={hrefOf("message", name === "journey" ? [id] : [id, name])}
          aria-current={name === tab ? "true" : undefined}
          aria-label={quantity === undefined ? undefined : `${title}: ${count(quantity, "item")}`}
        >
          {title} {quantity !== undefined && <span class="count">{quantity}</span>}
        </a>
      ))}
    </nav>
  );
}
