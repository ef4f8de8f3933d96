import type { MailAnswer } from "../../mail-api.ts";
import { Lines } from "../show/facts.tsx";
import { bytes, safe } from "../show/text.ts";

/** The MIME tree, and what is wrong in it. */
export function Parts({ mail }: { mail: MailAnswer }) {
  return (
    <>
      <ul class="tree">
        {mail.parts.map((part) => {
          const file = part.attachment === null ? undefined : mail.attachments[part.attachment];
          const depth = part.path === "" ? 0 : part.path.split(".").length;
          return (
            <li key={part.path} class={`depth-${Math.min(depth, 8)}`}>
              <code class="meta">{part.path || "whole"}</code> <b>{safe(part.contentType)}</b>{" "}
              <span class="meta">
                {[
                  bytes(part.sizeBytes),
                  safe(part.charset?.used ?? part.charset?.declared),
                  part.disposition === null ? "" : safe(part.disposition),
                ]
                  .filter((word) => word !== "")
                  .join(" · ")}
              </span>
              {file && (
                <>
                  {" "}
                  <a href={file.url}>{safe(file.fileName)}</a>
                </>
              )}
            </li>
          );
        })}
      </ul>
      {mail.defects.length > 0 && (
        <section class="notice">
          <h3>What is wrong in it</h3>
          <Lines of={mail.defects.map(({ code, detail }) => `${code}: ${detail}`)} />
        </section>
      )}
      {mail.exceeded.length > 0 && (
        <section class="notice">
          <h3>Over a limit: only a part was read</h3>
          <Lines of={mail.exceeded} />
        </section>
      )}
    </>
  );
}
