import { type MailFacts, quoteHeader } from "./mail-facts.ts";
import { wordsOf } from "./words.ts";

/** The marks that a bounce leaves in the headers, each as a quoted line. */
export interface BounceSigns {
  /** `Content-Type: multipart/report; report-type=delivery-status` (RFC 6522). */
  readonly report?: string;
  /** The envelope sender is `<>`, or a daemon's address. */
  readonly sender?: string;
  /** The author calls itself a mail system. */
  readonly author?: string;
  readonly subject?: string;
  readonly failedRecipients?: string;
}

export function readBounceSigns(facts: MailFacts): BounceSigns {
  const signs: { -readonly [Key in keyof BounceSigns]: BounceSigns[Key] } = {};
  const { contentType, envelopeFrom, authors } = facts;
  if (
    contentType.value === "multipart/report" &&
    contentType.parameters["report-type"]?.toLowerCase().trim() === "delivery-status"
  ) {
    signs.report = quoteHeader(facts, "content-type");
  }
  if (envelopeFrom === "" || envelopeFrom === "<>") signs.sender = "envelope sender <>";
  else if (daemonAddress.test(envelopeFrom)) signs.sender = `envelope sender <${envelopeFrom.slice(0, 150)}>`;
  const author = authors[0];
  if (facts.header("from") !== undefined && facts.header("from")?.trim() === "<>") signs.author = "From: <>";
  else if (author && (daemonAddress.test(author.address) || daemonName.test(author.name)))
    signs.author = quoteHeader(facts, "from");
  else if (author?.address === "" && author.name !== "") {
    if (daemonName.test(author.name) || /<>/.test(facts.header("from") ?? ""))
      signs.author = quoteHeader(facts, "from");
  }
  const opens = bounceSubject.test(stripListTag(facts.subject)) && !answered.test(facts.subject);
  if (opens || appended.test(facts.subject)) signs.subject = quoteHeader(facts, "subject");
  if (facts.header("x-failed-recipients") !== undefined)
    signs.failedRecipients = quoteHeader(facts, "x-failed-recipients");
  return signs;
}

/** Names that only software uses (RFC 5321 §4.5.1 and the habits of MTAs). Postmaster may be a person: never enough alone. */
export const daemonAddress =
  /^"?(?:mailer[-_.]?d(?:a|ae)e?mon|mail[-_.]?daemon|mdaemon|postmaster|poo?st-?master|mail[-_.]delivery[-_.](?:sub)?system|mail[-_.]?system|double-bounce|bounce-?(?:daemon|handler|processor)|smtp[-_.]?daemon|nondelivery|mailerdaemon|majordomo-bounce)(?:[-+=][^@]*)?(?:\\?"?@|$)/i;

const daemonName =
  /^\W*(?:(?:internet |e-?)?mail(?:er)?[- ]*(?:delivery )?(?:sub)?(?:system|service|daemon)|mail delivery (?:sub)?system|postmaster|system administrator|mail administrator|smtp (?:server|gateway)|microsoft outlook|mail router|mailer[- ]daemon|delivery (?:sub)?system|.*\bndr administrator|.*\bmail ?server)\b/i;

/** Systems that quote the subject first and say what happened to it behind it. */
const appended =
  /:\s*(?:non remis|undelivered|delivery failed|nicht zugestellt|no entregado|non recapitato)\b|\((?:delivery failed|delivery failure|undelivered|not delivered)\)\s*$/i;

/** Subjects of answers and forwards. */
export const answered = /^\s*(?:re|aw|antw|sv|vs|odp|ynt|rv|fw|fwd|wg|tr|i|enc|doorst|r)\s*(?:\[\d+\])?\s*:/i;

function stripListTag(subject: string): string {
  return subject.replace(/^\s*(?:\[[^\]]{1,60}\]\s*){1,3}/, "");
}

// One line per language, the phrase that mail systems open the subject with.
export const bounceSubject = wordsOf(
  [
    "^\\W*(?:",
    [
      "undeliver(?:able|ed)|undelivarable|non[- ]?deliver|not delivered|returned (?:e-?)?mail|(?:e-?)?mail (?:was )?returned|returned to sender",
      "(?:e-?)?(?:mail|message|delivery)(?: \\w+)? (?:delivery )?(?:failed|failure|failing|error|problem|warning|delayed|undeliverable|rejected|refused)",
      "delivery (?:status|report|notification|failure|failed|error|has failed|delayed|problem|incomplete|unsuccessful|attempt)|delivery[- ]status",
      "(?:permanent|temporary|fatal) (?:delivery )?(?:failure|error)|failure notice|failure delivery|failed (?:mail|delivery|message)|fail(?:ed|ure) to deliver",
      "(?:e-?)?(?:mail|message) (?:delivery has failed|could not be delivered|status|system error|not delivered|processing error|can ?not be delivered|error|has been (?:delayed|rejected|returned))",
      "your (?:e-?)?(?:mail|message)(?: to)? .{0,200}(?:could not be|was not|not|cannot be) (?:delivered|sent)",
      "(?:warning|delayed|delay)\\b.{0,60}(?:message|mail|e-mail).{0,120}(?:delayed|not yet|could not|has not|still being|delivery)|delayed mail|warning: could not send",
      "processing error|user unknown|unknown user|no such user|address (?:not found|unknown)|quota exceeded|mailbox (?:full|unavailable)|unable to deliver|could not send|ndn\\b|ndr\\b|automatically rejected|message (?:undeliverable|status)|postfix smtp server: errors|error\\(s\\) in forwarding|undeliver",
      "(?:nicht zustellbar|unzustellbar|zustellung (?:ist )?fehlgeschlagen|zustellungs?fehler|ihre nachricht konnte nicht|nachricht nicht zugestellt|übermittlungsfehler|rückläufer|fehler bei der zustellung|mail(?:zustellung)? fehlgeschlagen)",
      "(?:non remis|non[- ]distribuable|non délivr|échec (?:de |d')(?:la )?(?:remise|livraison|distribution|l'envoi|envoi)|message non|courrier non|avis de non[- ]remise|impossible de remettre|retour (?:à|a) l)",
      "(?:no (?:se )?entregad|no se (?:puede|pudo|ha podido) entregar|imposible entregar|fallo (?:de|en la) entrega|error (?:de|en la) entrega|correo (?:no entregado|devuelto)|mensaje (?:no entregado|devuelto)|notificación de estado de entrega|devuelto)",
      "(?:não entreg|falha (?:na|de) entrega|não é possível entregar|mensagem não entregue|notificação de (?:status|estado) (?:de|da) entrega|e-?mail não entregue|devolvid)",
      "(?:non recapitabile|mancat[oa] (?:recapito|consegna)|errore di (?:consegna|recapito)|recapito non riuscito|consegna (?:fallita|non riuscita)|notifica (?:di mancato|dello stato di) )",
      "(?:onbestelbaar|niet (?:bezorgd|afgeleverd|te bezorgen)|bezorging mislukt|aflevering mislukt|kan niet worden bezorgd)",
      "(?:kan inte leverera|olevererbar|ej levererbar|leverans(?:en)? misslyckades|kan ikke leveres|ikke lever(?:t|et)|levering(?:en)? mislykkedes|leveringsfeil|toimitus epäonnistui|ei voitu toimittaa|viestiä ei)",
      "(?:niedostarcz|nie można dostarczyć|niedoręcz|zwrot (?:poczty|wiadomości)|nedoručiteln|nedoručen|nedorucen|kézbesíthetetlen|sikertelen kézbesítés|teslim edilemed|teslim edilemiyor|iletilemedi|nu (?:a putut|poate) fi livrat|nelivrat)",
      "(?:недоставлен|не доставлен|ваше сообщение не|сообщение не доставлено|письмо не доставлено|ошибка доставки|не удалось доставить|невозможно доставить|недоставлене|не вдалося доставити|неуспешно доставяне)",
      "(?:.{0,40}(?:配信不能|配信できません|配信エラー|配送できません|送信できません|届けられません|不達|エラーメール|未配信|配達不能|配信失敗|送信エラー|送信に失敗))",
      "(?:.{0,30}(?:退信|未送达|无法送达|無法(?:傳遞|送達|寄送)|投递失败|投遞失敗|邮件被退回|傳送失敗|发送失败|未传递|未傳遞|被退回))",
      "(?:.{0,30}(?:반송|배달되지 않|배달할 수 없|전송 ?실패|배달 ?실패|전달되지 않))",
      "(?:δεν (?:παραδόθηκε|είναι δυνατή η παράδοση)|αποτυχία παράδοσης|לא ניתן למסור|לא נמסר|تعذر (?:تسليم|التسليم)|فشل (?:تسليم|التسليم)|غير قابل للتسليم|gagal (?:dikirim|terkirim)|không (?:gửi|thể gửi|phân phối) được)",
    ].join("|"),
    ")|\\bundeliverable\\s*$|: non remis\\b|\\bnot delivered\\s*$",
  ].join(""),
);
