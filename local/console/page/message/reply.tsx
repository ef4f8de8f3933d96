import { useState } from "preact/hooks";
import { SendForm } from "../compose/send-form.tsx";
import { send } from "../shell/api.ts";

/** Who wrote the message writes again, in the same thread: what a customer would do. */
export function Reply({ id, author }: { id: string; author: string }) {
  const [text, setText] = useState("");
  return (
    <details class="reply-as">
      <summary class="button">Write again as {author}</summary>
      <SendForm send={() => send("POST", `/messages/${id}/reply`, { text })} words="Send as the customer">
        <label>
          Text
          <textarea required value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
      </SendForm>
    </details>
  );
}
