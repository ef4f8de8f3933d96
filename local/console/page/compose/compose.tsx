import { useState } from "preact/hooks";
import { send } from "../shell/api.ts";
import { useAnswer } from "../shell/use-answer.ts";
import { Failed } from "../show/empty.tsx";
import { Actors, type ActorsAnswer } from "./actors.tsx";
import { Drop } from "./drop.tsx";
import { type Entrance, EntranceFields, entranceOf, noEntrance } from "./entrance.tsx";
import { SendForm } from "./send-form.tsx";

/** Mail as anyone would send it: by hand, from a file, from a canned actor. */
export function Compose() {
  const { value, error } = useAnswer<ActorsAnswer>("/actors");
  return (
    <>
      <h2>Compose and play</h2>
      <p class="meta">
        Mail comes in here as over SMTP, with the same filters, rules and durability. Nothing leaves this machine.
      </p>
      {error !== undefined && <Failed error={error} />}
      {value && (
        <>
          <Write to={value.to} />
          <Actors answer={value} />
          <Drop to={value.to} />
        </>
      )}
    </>
  );
}

function Write({ to }: { to: string }) {
  const [mail, setMail] = useState({ from: "Ann Sender <ann@sender.example>", to, subject: "", text: "" });
  const [entrance, setEntrance] = useState<Entrance>(noEntrance);
  const field = (name: keyof typeof mail) => (event: Event) =>
    setMail({ ...mail, [name]: (event.currentTarget as HTMLInputElement).value });
  return (
    <section aria-labelledby="write">
      <h3 id="write">Write a mail</h3>
      <SendForm
        send={() =>
          send("POST", "/compose", {
            from: mailboxOf(mail.from),
            to: mail.to.split(",").map((address) => address.trim()),
            subject: mail.subject,
            text: mail.text,
            ...entranceOf(entrance),
          })
        }
      >
        <div class="pair">
          <label>
            From
            <input type="text" required value={mail.from} onInput={field("from")} />
          </label>
          <label>
            To, separated by commas
            <input type="text" required value={mail.to} onInput={field("to")} />
          </label>
        </div>
        <label>
          Subject
          <input type="text" value={mail.subject} onInput={field("subject")} />
        </label>
        <label>
          Text
          <textarea value={mail.text} onInput={field("text")} />
        </label>
        <EntranceFields entrance={entrance} change={setEntrance} />
      </SendForm>
    </section>
  );
}

/** `Ann <ann@sender.example>` or the address alone. */
function mailboxOf(text: string): string | { name: string; address: string } {
  const match = /^\s*"?(.*?)"?\s*<([^<>]+)>\s*$/.exec(text);
  return match?.[1] && match[2] ? { name: match[1], address: match[2] } : text.trim().replace(/^<|>$/g, "");
}
