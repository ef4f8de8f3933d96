import type { MailAnswer } from "../../mail-api.ts";
import { safe } from "../show/text.ts";

/** Every header as it came, in its order: the topmost was added last. */
export function Headers({ mail }: { mail: MailAnswer }) {
  return (
    <>
      <p class="meta">As received, in their order: every server puts its own on top.</p>
      <dl class="headers">
        {mail.headers.map(({ name, value }, index) => (
          <div key={index}>
            <dt>{safe(name)}</dt>
            <dd>{safe(value.replace(/\r?\n/g, " "))}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
