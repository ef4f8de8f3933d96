import type { InjectedResults } from "../local/play/injected.ts";
import { MailweirError } from "../shared/errors.ts";
import type { SesMessageId } from "../shared/ses-message-id.ts";

/** A mail that comes in as if over SMTP, from whomever and with whatever checks found. */
export interface MailToInject {
  /** The whole message; line ends may be LF. Without it, one is made of the parts below. */
  readonly raw?: string | Uint8Array;

  /** The author. Default `ann@sender.example`. */
  readonly from?: string | { readonly name?: string; readonly address: string };
  /** The header To, and the envelope recipients unless `recipients` names others. With `raw`: the envelope recipients. */
  readonly to?: string | readonly string[];
  readonly cc?: readonly string[];
  readonly replyTo?: string;
  readonly subject?: string;
  readonly text?: string;
  readonly html?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly attachments?: readonly {
    readonly fileName: string;
    readonly contentType?: string;
    readonly content: string | Uint8Array;
  }[];
  /** With angle brackets. Default: one that was never there. */
  readonly messageId?: string;
  /** A Message-ID with angle brackets, or a mail that was injected before. */
  readonly inReplyTo?: string | InjectedMail;

  /** Envelope sender; `""` is the null sender `<>`. Default: the author. */
  readonly envelopeFrom?: string;
  /** Envelope recipients, where they are not those of `to` and `cc`. */
  readonly recipients?: readonly string[];
  /** Address of the client. Default `203.0.113.25`. */
  readonly ip?: string;
  readonly helo?: string;
  /** Over STARTTLS. Default false. */
  readonly tls?: boolean;
  /**
   * What SPF, DKIM, DMARC and the scanners are to find. `pass` (the default): proven to be of its author. `fail`: a forgery,
   * whose domain asks to reject it. `none`: a domain that publishes nothing. An object: `pass`, with these differences.
   * `check`: they look for themselves, with `dns` for their DNS. Spam and viruses are looked for unless named: GTUBE and EICAR
   * are found.
   */
  readonly authentication?: "pass" | "fail" | "none" | "check" | InjectedResults;
}

export interface InjectedMail {
  readonly sesMessageId: string;
  /** The header Message-ID, with angle brackets; absent when the raw message has none. */
  readonly messageId?: string;
  /** Recipients that were refused while others were accepted. */
  readonly refused: readonly { readonly recipient: string; readonly reply: string }[];
}

/** Nobody took the mail: the replies are what its sender would have heard. */
export class MailRefusedError extends MailweirError {
  readonly code = "ERR_MAIL_REFUSED";
  readonly retryable = false;
  /** The last reply: `550 5.1.1 …`. */
  readonly reply: string;
  readonly refused: InjectedMail["refused"];
  constructor(reply: string, refused: InjectedMail["refused"], reasons: readonly string[]) {
    super(
      `The engine refused the mail: ${reply}` +
        refused.map((entry) => `\n  ${entry.recipient}: ${entry.reply}`).join("") +
        (reasons.length === 0 ? "" : `\nWhy: ${reasons.join("; ")}. Check domains, rules and IP filters.`),
    );
    this.reply = reply;
    this.refused = refused;
  }
}

/** What checks are to find, word by word. */
export function resultsOf(authentication: MailToInject["authentication"] = "pass"): InjectedResults {
  if (typeof authentication === "object") return { ...resultsOf("pass"), ...authentication };
  switch (authentication) {
    case "pass":
      return { spf: "pass", dkim: "pass", dmarc: "pass", dmarcPolicy: "reject" };
    case "fail":
      return { spf: "fail", dkim: "fail", dmarc: "fail", dmarcPolicy: "reject" };
    case "none":
      return { spf: "none", dkim: "none", dmarc: "none" };
    case "check":
      return {};
  }
}

export function idOf(mail: InjectedMail): SesMessageId {
  return mail.sesMessageId as SesMessageId;
}
