/** The SMTP command that was refused, as reports tell it. Undefined when they do not. */
export type SmtpStage = "connect" | "mail-from" | "rcpt-to" | "data";

/**
 * Reads which command the other side refused. It matters more than the words: whoever refuses before RCPT TO has not
 * looked at the recipient, and whoever refuses after DATA had accepted it.
 *
 * @param diagnostic - what the report says about one recipient
 * @param report - the part for people, which may hold the session
 */
export function readStage(diagnostic: string, report: string): SmtpStage | undefined {
  // Postfix; Exim; gateways that print the command beside the answer.
  const named =
    /\b(?:in reply to|after|response to|smtp command:?|command was:?)\s+(?:the |end of |a )*["'<]?(data|rcpt to|rcpt|mail from|mail|helo|ehlo|initial connection|connection|starttls|pipelined (?:sending|rcpt|data))/i.exec(
      diagnostic,
    );
  if (named) return stageOf(named[1] as string);
  // qmail and its heirs name the command by what it was about.
  const disliked =
    /does not like (recipient|sender)|did not like our (rcpt to|mail from|data)|\[(rcpt_to|mail_from|body)\]/i.exec(
      diagnostic,
    );
  if (disliked) {
    const what = (disliked[1] ?? disliked[2] ?? disliked[3] ?? "").toLowerCase();
    return what === "data" || what === "body" ? "data" : /^mail|sender/.test(what) ? "mail-from" : "rcpt-to";
  }
  // Gmail numbers the states of its session.
  const state = /\(state (1[3478])\)/.exec(diagnostic)?.[1];
  if (state) return state === "13" || state === "14" ? "rcpt-to" : "data";
  // An answer that leaves the address's place empty was given when no address was at hand: behind the message.
  if (/(?:^|\s)55\d(?: |: ): ?user unknown/i.test(diagnostic)) return "data";
  return readTranscript(diagnostic, report);
}

/** Sendmail's transcript: ">>> command" and behind it "<<< answer". The command before the answer that was quoted counts. */
function readTranscript(diagnostic: string, report: string): SmtpStage | undefined {
  const words = diagnostic.replace(/\s+/g, " ").trim().toLowerCase();
  let command: string | undefined;
  const lines = report.slice(0, 20_000).split("\n", 400);
  for (const [at, line] of lines.entries()) {
    const sent = /^\s*>>>\s*(.{1,200})/.exec(line);
    if (sent) command = sent[1];
    const answer = /^\s*<<<\s*([45]\d\d\b.{0,200})/.exec(line);
    if (
      answer &&
      command !== undefined &&
      words.includes((answer[1] as string).replace(/\s+/g, " ").trim().toLowerCase().slice(0, 60))
    ) {
      // RFC 2920: commands in one batch. A DATA that then lacks recipients shows that the answer was RCPT's.
      const next = lines.slice(at + 1, at + 4).join("\n");
      return /^data/i.test(command) && /<<< 5\d\d\b.*(?:recipient|rcpt)/i.test(next) ? "rcpt-to" : stageOf(command);
    }
  }
  return undefined;
}

function stageOf(command: string): SmtpStage | undefined {
  const word = command.trim().toLowerCase();
  if (/^(?:data|\.$|pipelined (?:sending|data))/.test(word)) return "data";
  if (/^rcpt|^pipelined rcpt/.test(word)) return "rcpt-to";
  if (/^mail/.test(word)) return "mail-from";
  return /^(?:helo|ehlo|initial|connection|starttls)/.test(word) ? "connect" : undefined;
}
