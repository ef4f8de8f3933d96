import type { Finding } from "./finding.ts";
import { type MailFacts, quote, quoteHeader } from "./mail-facts.ts";
import { extractReply } from "./reply/extract-reply.ts";

export interface UnsubscribeRequest {
  readonly confidence: number;
  readonly evidence: readonly string[];
}

export function judgeUnsubscribeRequest(facts: MailFacts): Finding | undefined {
  const request = readUnsubscribeRequest(facts);
  return request && { kind: "unsubscribe-request", ...request, final: true };
}

/**
 * A person (or the person's mail client, RFC 2369 §3.2) who asks to get no more mail: the subject says so, or the own
 * text of the message says nothing else. A suggestion; whether it is acted upon is the stream's policy.
 * Ask only when the message is known to be no automatic one.
 */
export function readUnsubscribeRequest(facts: MailFacts): UnsubscribeRequest | undefined {
  if (automatic(facts)) return undefined;
  const subject = facts.subject.replace(/^(?:\s*(?:subject|betreff)\s*:)+/i, "").trim();
  const own = facts.body && ownText(facts);
  if (request.test(strip(subject))) {
    return { confidence: 0.95, evidence: [quoteHeader(facts, "subject")] };
  }
  if (own !== undefined && own.length <= 300) {
    const lines = own
      .split("\n")
      .map(strip)
      .filter((line) => line !== "");
    const first = lines[0] ?? "";
    if (lines.length <= 4 && (request.test(first) || (lines.length === 1 && polite.test(first)))) {
      return { confidence: 0.85, evidence: [quote(first)] };
    }
  }
  const address = facts.recipients.find((recipient) => addressed.test(recipient));
  if (address !== undefined && (subject === "" || own === "")) {
    return { confidence: 0.8, evidence: [quote(`recipient ${address}`)] };
  }
  return undefined;
}

function ownText(facts: MailFacts): string {
  const { text, html } = facts.body ?? {};
  // Long mails are no one-word requests; do not spend time on them.
  if ((text?.length ?? 0) > 100_000) return "";
  return extractReply({
    text,
    html: (html?.length ?? 0) > 400_000 ? undefined : html,
    headers: facts.headers,
  }).text.trim();
}

function automatic({ header, envelopeFrom }: MailFacts): boolean {
  const submitted = header("auto-submitted")?.trim().toLowerCase() ?? "no";
  return envelopeFrom === "" || !/^no\b|^$/.test(submitted);
}

function strip(line: string): string {
  return line
    .replace(/^\s*(?:(?:re|aw|sv|antw|fwd?)\s*:\s*)+/i, "")
    .replace(/^[\s"'<*_([{.!-]+|[\s"'>*_)\]}.!,;:-]+$/g, "")
    .trim()
    .slice(0, 300);
}

const addressed =
  /^(?:unsubscribe|unsub|leave|optout|opt-out|abmelden|desinscription)(?:[-+.][^@]*)?@|[-+](?:unsubscribe|leave)(?:[-+=][^@]*)?@/i;

const verbs =
  "unsubscribe|unsub|un-subscribe|unsubscribed|stop|stopp|remove|opt[ -]?out|signoff|leave|abmelden|abbestellen|austragen|kündigen|abmeldung|désinscription|desinscription|désinscrire|désabonner|désabonnement|désinscrivez-moi|baja|darme de baja|dar de baja|cancelar suscripción|cancelar inscrição|descadastrar|remover|sair|cancellami|disiscrivimi|disiscrizione|cancellazione|annulla iscrizione|afmelden|uitschrijven|avregistrera|avprenumerera|avsluta|afmeld|frameld|avmeld|peru tilaus|peruuta tilaus|wypisz|wypisz mnie|rezygnuję|odhlásit|odhlasit|odhlásiť|leiratkozás|leiratkozom|отписаться|отписка|отпишите меня|відписатися|odjava|dezabonare|abonelikten çık|abonelikten çıkar|배信停止|配信停止|購読解除|解除|退会|退订|退訂|取消订阅|取消訂閱|수신거부|구독취소|구독 취소|διαγραφή|إلغاء الاشتراك|הסר|hủy đăng ký|berhenti berlangganan";

const politeWords =
  "please|pls|plz|bitte|s'il vous plaît|svp|por favor|per favore|alsjeblieft|tack|proszę|prosím|kindly|hi|hello|dear (?:all|sir|list)|пожалуйста|thanks?|thank you|danke|merci|gracias";

/** The request and, behind it, what goes with it; nothing else. */
const request = new RegExp(
  `^(?:(?:${politeWords})[\\s,!.]*){0,3}(?:${verbs})(?:\\s+(?:me|us|mich|uns|all|alle|from|von|list|the|this|your|our|my|all and everything|mailing|e?-?mails?|mailings?|newsletters?|liste|liste de diffusion|address|adresse|das|den|dem|der|des|de|la|del|aus|off|it|now|immediately|sending|these|messages?|following|linux|and|everything|[\\w.+-]{1,80}@[\\w.-]{1,120}|[\\w-]{1,40}))?(?:\\s+(?:me|from|this|the|your|our|all|and|everything|mailing|e-?mails?|newsletters?|list|lists|address|following|to|linux|[\\w.+-]{1,80}@[\\w.-]{1,120})){0,9}(?:[\\s,.!]*(?:${politeWords}))?$`,
  "iu",
);

/** The same said as a sentence. */
const polite =
  /^(?:(?:i|we) (?:want|would like|wish|'d like) to (?:unsubscribe|be removed|opt[- ]out)|(?:please )?(?:take|remove|delete) (?:me|us|my (?:e-?mail )?address|my name) (?:off|from)\b|(?:please )?(?:do not|don't|stop) (?:send|e?-?mail|contact|writ)\w*\b|(?:please )?cancel my (?:subscription|registration)|no more e?-?mails?|ich möchte (?:keine|mich)\b.{0,60}(?:mehr|abmelden|austragen)|(?:bitte )?(?:nehmen|tragen|löschen) sie (?:mich|meine)\b.{0,60}(?:aus|verteiler|liste)|(?:je (?:veux|souhaite)|merci de) (?:me )?(?:désinscrire|désabonner|retirer)|(?:quiero|deseo) (?:darme de baja|cancelar))/i;
