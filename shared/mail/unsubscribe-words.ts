import { wordsOf } from "./words.ts";

/**
 * How people, and their mail programs, ask to get no more mail. A request is the whole of what they say: a word more
 * that is no filler ("unsubscribe button", "remove me from the project") and it is about something else.
 */

const polite =
  "(?:please|pls|plz|kindly|hi|hello|hey|dear (?:all|sir|madam|list)|thanks?|thank you|bitte|danke|s'il vous plaît|svp|merci|por favor|gracias|obrigad[oa]|per favore|grazie|alsjeblieft|a\\.?u\\.?b\\.?|graag|tack|vänligen|venligst|vennligst|proszę|prosím|dziękuję|пожалуйста|спасибо)";

/** Words that mean nothing else in a mail to somebody who sends newsletters. */
const sure = [
  "un-?subscri(?:be|bed|ption)|unsub|opt(?:[ -]?(?:me )?out)|sign(?:[ -]?off)",
  "abmelden|abbestellen|abmeldung|austragen|(?:me |se )?désinscrire|désinscription|desinscription|désinscrivez-moi|(?:me )?désabonner|désabonnement|désabonnez-moi",
  "dar(?:me)? de baja|cancelar (?:la |mi )?suscripción|cancelar (?:a |minha )?(?:inscrição|assinatura)|descadastr(?:ar|o|e-me)|disiscri(?:vimi|zione|vetemi)|annulla iscrizione|cancellazione newsletter",
  "uitschrijven|afmelden|avregistrera|avprenumerera|afmeld|frameld|avmeld|peru(?:uta)? tilaus|wypisz(?: mnie)?|rezygnacja z newslettera|odhlásit|odhlasit|odhlásiť|leiratkoz(?:ás|om|nék)|odjava|dezabonare|abonelikten çık(?:ar)?",
  "отписаться|отписка|отпишите(?: меня)?|відписатися|відпишіть мене|(?:配信停止|購読解除|登録解除|メルマガ(?:の)?解除)(?:希望|依頼|のお願い|を?お願いします)?|退订|退訂|取消订阅|取消訂閱|수신 ?거부|구독 ?취소|διαγραφή|إلغاء الاشتراك|hủy đăng ký|berhenti berlangganan",
].join("|");

/** Words that do when they stand alone. */
const vague =
  "stop|stopp|remove|remove me|remove us|take me off|quit|leave|end|baja|sair|remover|kündigen|解除|退会|הסר|no more|cancel";

/** What goes with a request without changing it. */
const filler =
  "me|us|mich|uns|my|our|your|the|this|these|that|all|any|every|everything|more|and|from|off|of|out|to|for|on|in|at|by|now|today|immediately|asap|again|ever|anymore|future|further|request|requested|requests|wanted|following|address|addresses|email|e-mail|emails|e-mails|mail|mails|mailing|mailings|message|messages|list|lists|mailinglist|mailinglists|listserv|newsletter|newsletters|digest|updates|marketing|distribution|contact|database|linux|von|vom|aus|der|den|dem|das|des|ihrem|ihrer|ihren|verteiler|liste|mailingliste|adresse|moi|mon|ma|de|du|la|le|les|des|vos|votre|cette|diffusion|lettre|del|el|su|esta|lista|boletín|boletim|correo|correos|da|do|dalla|dalle|vostra|mailinglijst|van|uit|voor|uw|jullie|deze|nieuwsbrief|lijst|från|fra|er|jeres|nyhetsbrev|nyhedsbrev|nyhetsbrevet|mnie|z|listy|newslettera|меня|от|из|вашей|рассылки|рассылку|списка|希望|依頼|お願いします|をお願いします";

/** What people write about such things: no name of a list. */
const aboutIt =
  "api|apis|button|buttons|link|links|rate|rates|feature|features|page|pages|form|forms|url|urls|header|headers|problem|problems|issue|issues|question|questions|error|errors|bug|bugs|flow|event|events|webhook|webhooks|option|options|process|function|functionality|mechanism|compliance|endpoint|confirmation|not|does|doesn't|broken|fails|failed|by|mistake|customer|customers|user|users|employee|mitarbeiter|mitarbeiterin";

const address = "<?(?:mailto:)?[\\w.+=-]{1,80}@[\\w.-]{1,120}>?";
/** A list's or a subscription's name behind the word: the command that list servers take. */
const name = `(?!(?:${aboutIt})\\b)[\\w.-]{1,60}`;
const gap = "[\\s,:;!.\\/-]{1,4}";

/** How a sure request begins. Compiled ten times as fast as the whole of it, and nearly every mail ends the search here. */
const sureOpening = `^(?:(?:${polite}|newsletters?|newsletter-?|me|mailing list)${gap}){0,4}(?:${sure})`;
export const opensSurely = wordsOf(sureOpening);

/** `unsubscribe`, with politeness around it, fillers, an address, the name of one list. */
export function isSureRequest(text: string): boolean {
  return opensSurely.test(text) && sureRequest.test(text);
}

export const sureRequest = wordsOf(
  `${sureOpening}(?:${gap}?(?:${filler}|${polite}|${address})(?![\\p{L}\\p{N}])){0,12}(?:${gap}(?:${address}|${name}))?(?:${gap}(?:${filler}|${polite}|${address})(?![\\p{L}\\p{N}])){0,6}[^\\p{L}\\p{N}]*$`,
);

export const vagueRequest = wordsOf(
  `^(?:(?:${polite})${gap}){0,2}(?:${vague})(?:${gap}(?:me|us|it|now|please|pls|thanks?|all|e-?mails?|mails?|mailings?|newsletters?|this|these|list|the|from|your|my|address|this list|spam)){0,6}[^\\p{L}\\p{N}]*$`,
);

const mailWords = "(?:e-?mails?|mails?|messages?|newsletters?|mailings?|spam|adverts?|advertising|offers?)";
const tail = (words: string) => `(?:[\\s,]{1,3}(?:${words})(?![\\p{L}\\p{N}])){0,14}`;

/** The same said as a sentence, one line for each way and language. */
export const requestSentence = wordsOf(
  `^(?:${[
    `(?:(?:can|could|would|will) you )?(?:please |kindly )?(?:unsubscribe|take|remove|delete|drop|strike) (?:me|us|my (?:e-?mail )?(?:address|name|e-?mail)|this (?:e-?mail )?address|${address})${tail(`${filler}|please|thanks`)}`,
    `(?:i|we)(?: would|'d|’d)? (?:want|like|wish|need|ask) to (?:unsubscribe|be (?:removed|unsubscribed|taken off)|opt[- ]?out)${tail(filler)}`,
    `(?:i|we) (?:no longer (?:want|wish|care)|(?:do not|don't|don’t|dont) (?:want|wish))(?: to (?:receive|get|be sent))?${tail(`${filler}|${mailWords}|you|any longer|longer|company`)}`,
    `(?:please )?(?:stop|quit|cease) (?:sending|e-?mailing|mailing|spamming|contacting)${tail(`${filler}|${mailWords}|please`)}`,
    `(?:please )?(?:do not|don't|don’t|dont|never) (?:send|e-?mail|mail|contact|write)(?: to)? (?:me|us|any(?: more)? ${mailWords})${tail(`${filler}|${mailWords}`)}`,
    `no (?:more|further) ${mailWords}${tail("please|to me|from you")}`,
    `(?:bitte )?(?:nehmen|streichen|tragen|löschen|entfernen|melden) sie (?:mich|uns|meine (?:e-?mail-?)?adresse)${tail(`${filler}|bitte|ab|heraus|newsletter|verteilerliste|datenbank|mailingliste`)}`,
    `(?:bitte )?(?:(?:ich|wir) (?:möchten?|wollen|will) )?(?:bitte )?keine (?:weiteren )?(?:e-?mails?|mails?|newsletter|werbung|nachrichten)${tail("mehr|von|ihnen|erhalten|bekommen|empfangen|senden|schicken|an|mich|bitte")}`,
    `(?:ich|wir) (?:möchten?|wollen|will) (?:mich|uns|(?:den |ihren )?newsletter)${tail(`${filler}|bitte|abmelden|austragen|abbestellen|kündigen|nicht|mehr|erhalten|bekommen|newsletter`)}`,
    `(?:merci de|merci de bien vouloir|veuillez|pouvez[- ]vous|je (?:veux|souhaite|voudrais))(?: bien)?(?: me| nous)? (?:désinscrire|désabonner|retirer|supprimer|enlever|radier)${tail(`${filler}|listes|mailing|adresse|fichiers?|svp|s'il vous plaît|merci|mail`)}`,
    `je ne (?:souhaite|veux|désire) plus (?:recevoir|être)${tail(`${filler}|ces|e-?mails?|courriels?|messages?|newsletters?|publicités?|sollicitée?|part|contactée?`)}`,
    `(?:por favor,? )?(?:(?:denme|deme|déme|dame|dadme|denos) de baja|(?:quiero|deseo|solicito) (?:darme de|la) baja|(?:elimínenme|eliminenme|elimíneme|bórrenme|quítenme|eliminar mi correo))${tail(`${filler}|distribución|favor|por|newsletter`)}`,
    `no (?:quiero|deseo) (?:recibir|seguir recibiendo)(?: más)?${tail(`${filler}|más|e-?mails?|mensajes?|publicidad|boletines|sus|ustedes|suyos`)}`,
    `(?:por favor,? )?(?:me )?(?:remova|remover|removam|retire|retirem|exclua|excluam|descadastre)(?:-me)?(?: me)?${tail(`${filler}|sua|desta|meu|e-?mail|favor|por|mailing`)}`,
    `não (?:quero|desejo)(?: mais)? receber(?: mais)?${tail(`${filler}|e-?mails?|mensagens|newsletters?|seus|vocês|publicidade`)}`,
    `(?:per favore,? |vi prego di |prego,? )?(?:cancellatemi|rimuovetemi|toglietemi|cancellarmi|disiscrivetemi|cancellami|rimuovimi)${tail(`${filler}|questa|list|newsletter|mailing`)}`,
    `non (?:voglio|desidero)(?: più)? ricevere(?: più)?${tail(`${filler}|le|vostre|e-?mail|newsletter|messaggi|comunicazioni`)}`,
    `(?:graag |gelieve |kunt u |wilt u )?(?:mij |me |ons )?(?:uitschrijven|afmelden|verwijderen)${tail(`${filler}|aub|nieuwsbrieven`)}`,
    `ik wil (?:graag )?geen (?:e-?mails?|mails?|nieuwsbrieven|nieuwsbrief)${tail("meer|ontvangen|krijgen|van|u|jullie")}`,
    `(?:kan ni |kan du |vänligen |snälla |venligst |vennligst )?(?:ta bort|ta meg av|fjern|fjerne|slet|avregistrera|avmeld|afmeld)(?: mig| meg)?${tail(`${filler}|listan|listen|e-?postlista|e-?postlistan|maillista|nyhetsbrevet`)}`,
    `(?:bardzo )?prosz[ęe] o (?:wypisanie|usunięcie|usuniecie)${tail(`${filler}|mojego|adresu|bazy|mailingowej`)}`,
    `(?:прошу |пожалуйста,? )?(?:исключ\\p{L}+|удал\\p{L}+|отпи\\p{L}+)${tail(`${filler}|мой|адрес|вашего|почтовой|пожалуйста`)}`,
    "(?:请|請)?(?:帮我|幫我|把我)?(?:取消订阅|取消訂閱|退订|退訂|从.{1,12}(?:删除|移除))",
    ".{0,15}(?:配信を?停止|配信停止|購読を?解除|登録を?解除|メルマガ.{0,3}解除).{0,20}",
    ".{0,10}수신 ?거부.{0,15}",
  ].join("|")})[^\\p{L}\\p{N}]*$`,
);

/** Sentences around a request that ask for nothing. */
export const besideTheRequest =
  /^(?:(?:i(?:'| a|’)m |we are )?not interested(?: in (?:this|these|your \w+))?|(?:many )?thanks?(?: (?:you|in advance|a lot|so much))?|thank you(?: (?:very much|in advance))?|i (?:did not|didn't|never) (?:sign(?:ed)? up|subscribed?|ask(?:ed)?)(?: (?:for|to) (?:this|these|any|your)(?: \w+){0,3})?|(?:vielen )?dank(?:e)?(?: im voraus)?|merci(?: d'avance| beaucoup)?|(?:muchas )?gracias|grazie(?: mille)?|obrigad[oa]|bedankt|dank u|tack|takk|tak|dziękuję|спасибо|please|no)$/i;

export const greeting =
  /^(?:hi|hello|hey|dear|good (?:morning|day|afternoon)|to whom it may concern|hallo|guten tag|sehr geehrte\S*|liebe\S*|bonjour|madame|monsieur|hola|buenos d[ií]as|estimad\S*|olá|ol[aá]|prezad\S*|buongiorno|gentil\S*|salve|beste|geachte|hej|hei|witam|dzień dobry|здравствуйте|добрый день|您好|你好|こんにちは)\b.{0,60}$/iu;

export const closing =
  /^(?:(?:kind|best|warm|many)? ?regards|best(?: wishes)?|cheers|sincerely|yours|thanks?\b|thank you|sent (?:from|via)|mit freundlichen|freundliche|viele grüße|grüße|gruß|mfg|lg\b|cordialement|bien à vous|salutations|saludos|un saludo|atentamente|atenciosamente|att\b|cordiali saluti|saluti|met vriendelijke|groet|groeten|mvh|med vänlig|med venlig|pozdrawiam|с уважением|von meinem|gesendet von|envoyé de|enviado desde|inviato da)/iu;
