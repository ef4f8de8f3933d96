import { useState } from "preact/hooks";
import { send, wordsOf } from "../shell/api.ts";
import { safe } from "../show/text.ts";
import { Result, type Submitted } from "./send-form.tsx";

interface Dropped {
  readonly name: string;
  readonly result: Submitted | { readonly error: string };
}

/** Files with whole mails, chosen or dropped: put in as they are, or with a Message-ID of their own. */
export function Drop({ to: usual }: { to: string }) {
  const [to, setTo] = useState(usual);
  const [from, setFrom] = useState("ann@sender.example");
  const [fresh, setFresh] = useState(true);
  const [over, setOver] = useState(false);
  const [dropped, setDropped] = useState<readonly Dropped[]>([]);

  const take = async (files: readonly File[]) => {
    setOver(false);
    for (const file of files) {
      const query = new URLSearchParams({ to, from, ip: "203.0.113.25", helo: "mx.sender.example" });
      if (fresh) query.set("message-id", "fresh");
      const result = await send<Submitted>("POST", `/messages?${query}`, file).catch((error: unknown) => ({
        error: wordsOf(error),
      }));
      setDropped((before) => [{ name: file.name, result }, ...before]);
    }
  };

  return (
    <section aria-labelledby="drop">
      <h3 id="drop">Put in an .eml file</h3>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is for the mouse alone; the button inside does the same. */}
      <div
        class={over ? "card fields drop over" : "card fields drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          void take([...(event.dataTransfer?.files ?? [])]);
        }}
      >
        <div class="pair">
          <label>
            Envelope sender
            <input type="text" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
          </label>
          <label>
            Recipient
            <input type="text" value={to} onInput={(event) => setTo(event.currentTarget.value)} />
          </label>
        </div>
        <label class="check">
          <input type="checkbox" checked={fresh} onChange={(event) => setFresh(event.currentTarget.checked)} />
          Give it a fresh Message-ID, so that it is no duplicate
        </label>
        <label>
          Drop files here, or choose them
          <input
            type="file"
            multiple
            accept=".eml,message/rfc822"
            onChange={(event) => {
              const files = [...(event.currentTarget.files ?? [])];
              // Else the browser says nothing when the same file is chosen again.
              event.currentTarget.value = "";
              void take(files);
            }}
          />
        </label>
        <div role="status">
          {dropped.map(({ name, result }, index) => (
            <p key={dropped.length - index}>
              {safe(name)}: <Result result={result} />
            </p>
          ))}
        </div>
      </div>
    </section>
  );
}
