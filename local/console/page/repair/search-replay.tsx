import { useState } from "preact/hooks";
import { Replay } from "./replay.tsx";

/** Replay of everything that a search finds, fifty at a time. */
export function SearchReplay() {
  const [q, setQ] = useState("is:failed");
  return (
    <section aria-labelledby="search-replay">
      <h3 id="search-replay">Replay a search</h3>
      <div class="card fields">
        <label class="field narrow">
          Messages that match
          <input type="text" value={q} onInput={(event) => setQ(event.currentTarget.value)} />
        </label>
        <Replay key={q} what={{ q }} />
        <p class="meta">
          The newest fifty. Effects stay once for each message: what opened a ticket opens no second one. Receipt rules
          do not run again.
        </p>
      </div>
    </section>
  );
}
