import type { MailAnswer } from "../../mail-api.ts";
import { bytes, safe } from "../show/text.ts";

/** The files: always downloaded, never opened by the browser. */
export function Attachments({ mail }: { mail: MailAnswer }) {
  return (
    <ul class="list">
      {mail.attachments.map(({ url, fileName, contentType, sizeBytes, sha256, inline }) => (
        <li key={url}>
          <a class="subject" href={url}>
            {safe(fileName)}
          </a>
          <div class="meta">
            {safe(contentType)} · {bytes(sizeBytes)}
            {inline && " · shown within the text"}
          </div>
          <div class="meta">
            SHA-256 <code>{sha256}</code>
          </div>
        </li>
      ))}
    </ul>
  );
}
