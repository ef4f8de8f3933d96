import { useEffect, useState } from "preact/hooks";
import type { MailAnswer } from "../../mail-api.ts";
import { hrefOf } from "../shell/route.ts";
import { Empty } from "../show/empty.tsx";
import { count } from "../show/text.ts";

/** The mail's HTML in a frame that runs nothing, sends nothing, and loads pictures from elsewhere only when asked to. */
export function Html({ mail, remote }: { mail: MailAnswer; remote: boolean }) {
  const { htmlUrl, sesMessageId } = mail;
  const [resources, setResources] = useState<number>();
  useEffect(() => {
    if (htmlUrl === null) return;
    let alive = true;
    fetch(htmlUrl).then(
      (response) => {
        void response.body?.cancel();
        if (alive) setResources(response.ok ? Number(response.headers.get("x-remote-resources")) : undefined);
      },
      () => undefined,
    );
    return () => {
      alive = false;
    };
  }, [htmlUrl]);
  if (htmlUrl === null) return <Empty title="The message has no HTML" hint="Its text is all of it." />;
  const place = (query: Readonly<Record<string, string>>) => hrefOf("message", [sesMessageId, "html"], query);
  return (
    <>
      <p class="frame-says">
        {resources === undefined || resources === 0 ? (
          <span class="meta">Shown without scripts and forms. It asks for nothing from elsewhere.</span>
        ) : remote ? (
          <>
            <span>{count(resources, "picture")} from elsewhere may be loaded: their servers see that you looked.</span>
            <a class="button" href={place({})}>
              Block them again
            </a>
          </>
        ) : (
          <>
            <span>
              {count(resources, "picture")} from elsewhere not loaded: who sent this does not learn that you looked.
            </span>
            <a class="button" href={place({ remote: "1" })}>
              Load them
            </a>
          </>
        )}
      </p>
      <iframe
        key={String(remote)}
        class="mail-html"
        title="The message's HTML"
        sandbox="allow-popups"
        referrerpolicy="no-referrer"
        src={remote ? `${htmlUrl}?remote=1` : htmlUrl}
      />
    </>
  );
}
