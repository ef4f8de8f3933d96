import { useEffect, useRef } from "preact/hooks";
import type { EngineStatus } from "../../../store/engine-store.ts";
import { ApiError } from "../shell/api.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { Empty, Failed } from "../show/empty.tsx";
import { count } from "../show/text.ts";
import { MessageRow } from "./message-row.tsx";
import { SearchField } from "./search-field.tsx";
import { StreamTabs } from "./stream-tabs.tsx";
import { useMessages } from "./use-messages.ts";

/** The live list, of one stream or all, of one search or everything. */
export function Messages({ stream, search }: { stream?: string; search: string }) {
  const { value: status } = useAnswer<EngineStatus>("/status");
  const { messages, next, notIndexed, loaded, error, more } = useMessages({ stream, search });
  return (
    <>
      <div class="title-line">
        <h2>Messages</h2>
        <SearchField stream={stream} search={search} error={error instanceof ApiError ? error : undefined} />
      </div>
      <StreamTabs current={stream} search={search} status={status} />
      {error !== undefined && !(error instanceof ApiError && error.code === "ERR_SEARCH_SYNTAX") && (
        <Failed error={error} />
      )}
      {messages.length > 0 && (
        <ul class="list">
          {messages.map((message) => (
            <MessageRow key={message.sesMessageId} message={message} />
          ))}
        </ul>
      )}
      {loaded && error === undefined && messages.length === 0 && next === null && (
        <Nothing stream={stream} search={search} notIndexed={search === "" ? 0 : notIndexed} />
      )}
      {next !== null && <More key={next} more={more} />}
      {loaded && next === null && messages.length > 50 && <p class="more">That is all of it.</p>}
    </>
  );
}

/** Asks for more when one comes near it; a button for who does not scroll. */
function More({ more }: { more: () => void }) {
  const place = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (!place.current) return;
    const watch = new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && more(), {
      rootMargin: "600px",
    });
    watch.observe(place.current);
    return () => watch.disconnect();
  }, [more]);
  return (
    <p class="more" ref={place}>
      <button type="button" onClick={more}>
        Show older
      </button>
    </p>
  );
}

interface NothingProps {
  readonly stream: string | undefined;
  readonly search: string;
  readonly notIndexed: number;
}

function Nothing({ stream, search, notIndexed }: NothingProps) {
  if (notIndexed > 0) {
    const hint = `${count(notIndexed, "message")} cannot be searched yet; what matches appears here by itself.`;
    return <Empty title="Nothing matches so far" hint={hint} />;
  }
  if (search !== "") {
    return (
      <Empty title="Nothing matches" hint="Words are whole words: end one with * to find what begins with it.">
        <p>
          <a class="button" href={stream === undefined ? "#/" : `#/stream/${encodeURIComponent(stream)}`}>
            Show everything
          </a>
        </p>
      </Empty>
    );
  }
  if (stream !== undefined) {
    return (
      <Empty
        title="Nothing in this stream"
        hint="Mail comes here when a recipient belongs to it. Find out where an address would go:"
        command="npx mailweir explain --to support@example.com"
      />
    );
  }
  return (
    <Empty
      title="No mail yet"
      hint="Send a first one; it appears here by itself. It is refused? Look under Refusals."
      command="npx mailweir send --to support@example.com"
    />
  );
}
