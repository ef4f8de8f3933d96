import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { wordsOf } from "../shell/api.ts";
import { hrefOf } from "../shell/route.ts";
import { safe } from "../show/text.ts";

/** What every way of putting a mail in answers. */
export interface Submitted {
  readonly sesMessageId: string | null;
  readonly reply: string;
  readonly recipients: readonly { readonly recipient: string; readonly reply: string }[];
}

/** A form that puts a mail in, and then says what the engine answered and where the mail is. */
export function SendForm(props: { children: ComponentChildren; send: () => Promise<Submitted>; words?: string }) {
  const { children, send, words = "Send" } = props;
  const [result, setResult] = useState<Submitted | { readonly error: string } | "under way">();
  const submit = async (event: Event) => {
    event.preventDefault();
    setResult("under way");
    try {
      setResult(await send());
    } catch (error) {
      setResult({ error: wordsOf(error) });
    }
  };
  return (
    <form class="fields card" onSubmit={submit}>
      {children}
      <p class="buttons">
        <button type="submit" class="main" disabled={result === "under way"}>
          {words}
        </button>
        <span role="status">{result !== undefined && <Result result={result} />}</span>
      </p>
    </form>
  );
}

export function Result({ result }: { result: Submitted | { readonly error: string } | "under way" }) {
  if (result === "under way") return <span class="said">sending…</span>;
  if ("error" in result) return <span class="said bad">{result.error}</span>;
  const refused = result.recipients.filter(({ reply }) => !reply.startsWith("2"));
  return (
    <>
      {result.sesMessageId === null ? (
        <span class="said bad">
          Refused: {safe(result.reply)} <a href="#/refusals">Why?</a>
        </span>
      ) : (
        <a href={hrefOf("message", [result.sesMessageId])}>Accepted: see its journey</a>
      )}
      {refused.map(({ recipient, reply }) => (
        <span key={recipient} class="said bad">
          {" "}
          {safe(recipient)}: {safe(reply)}
        </span>
      ))}
    </>
  );
}
