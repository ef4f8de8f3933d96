import { isRule } from "./separators.ts";

const device =
  "(?:iphone|ipad|ipod|ios|mac|macbook|apple watch|blackberry|android|samsung|galaxy|huawei|honor|xiaomi|redmi|poco|mi phone|oneplus|oppo|vivo|realme|pixel|nokia|lumia|htc|lg|motorola|moto|sony|xperia|windows|phone|mobile|smartphone|tablet|handheld|outlook|gmail|yahoo|mail|aol|proton|tutanota|tuta|zoho|spark|hey|mailbird|mailspring|thunderbird|k-9|fairemail|fastmail|sparrow|mailbox|polymail|superhuman|nine|bluemail|edison|airmail|newton|web\\.de|gmx|t-online|orange|free|laposte|seznam|wp|o2|yandex|яндекс|mail\\.ru|myphone|device|wireless|verizon|at&t|t-mobile|sprint|vodafone|телефона?|смартфона?|устройства|мобильн\\S*|telefon\\S*|handy|mobil\\S*|móvil|celular|dispositivo|cellulare|téléphone|portable|puhelimesta\\S*|telefoon|komór\\S*|komórk\\S*|cihaz\\S*|手机|手機|裝置|スマートフォン|携帯)";

// "Sent from my …" as the clients' own settings have it. Each must be the whole line and name a device, an app or "my".
const sentFrom = new RegExp(
  `^(?:${[
    `(?:sent|enviado|envoyé|sendt|skickat|gesendet|inviato|verzonden|posted|delivered|written|typed|composed|drafted|queued)\\s+(?:from|via|with|using|on|through|depuis|de|à partir de|desde|del|da|dal|do|von|mit|über|vom|aus|fra|från|via|med|pela|pelo|mediante|con|vanaf|met|van|ved hj[eæ]lp af)(?![\\p{L}])[^,;!?]{0,90}${device}(?![\\p{L}]).{0,70}`,
    // "my" with a few words and no clause behind them: "Sent from my desk, which is easier than …" is the author's.
    "(?:sent|mailed|posted|typed|written|brought to you)\\s+(?:from|on|with|by)\\s+(?:my|a|an)(?:\\s+[^\\s,;.!?]{1,20}){1,4}",
    "sent with \\S.{0,60}(?:mail|\\(https?:).{0,60}",
    "get outlook for .{0,60}",
    "(?:télécharger|télécharge[zr]|obtenir|obtenez) outlook .{0,60}|outlook (?:für|for|pour|para|per|voor|til|för) (?:ios|android|mac|windows).{0,60}|(?:holen sie sich|laden sie) outlook .{0,60}|(?:obtener|obtén|descargar) outlook .{0,60}|(?:scarica|ottieni) outlook .{0,60}|(?:obter|baixar|obtenha) (?:o )?outlook .{0,60}|(?:download|haal) outlook .{0,60}|(?:hämta|hent|hanki) outlook .{0,60}|pobierz (?:aplikację )?outlook .{0,60}|скачать outlook .{0,60}|(?:下载|取得|获取)\\s?outlook .{0,60}",
    "(?:diese nachricht wurde|diese e-?mail wurde)(?![\\p{L}]).{0,90}(?<![\\p{L}])(?:gesendet|versendet|geschrieben).{0,40}",
    `von (?:meinem|mein|unterwegs|samsung|mobil|outlook)(?![\\p{L}]).{0,60}(?:gesendet|gesandt|versendet|verschickt)\\.?`,
    "(?:mit|von) .{0,60}(?:gesendet|versandt|verfasst|geschickt)\\.?",
    `(?:envoyé|expédié|provenance)(?![\\p{L}]).{0,20}(?<![\\p{L}])(?:mon|ma|orange|l'application|outlook|yahoo|courrier|un|une)(?![\\p{L}]).{0,60}`,
    "provenance : .{0,60}",
    "(?:enviado|enviada|mandado|escrito)(?![\\p{L}]).{0,12}(?<![\\p{L}])(?:mi|meu|minha|un|um)(?![\\p{L}]).{0,60}",
    "(?:inviato|spedito|scritto)(?![\\p{L}]).{0,12}(?<![\\p{L}])(?:mio|iphone|ipad|android|cellulare)(?![\\p{L}]).{0,60}",
    "(?:verstuurd|verzonden|gestuurd|gemaild) (?:vanaf|van|via|met|vanop|vanuit) .{0,70}",
    "(?:skickat|skickad|sänt|skrivet) (?:från|via|med) .{0,70}",
    "(?:sendt|skrevet) (?:fra|via|med|ved) .{0,70}",
    "lähetetty .{0,70}|l\u00e4hetin .{0,40}puhelimesta.{0,20}",
    "(?:wysłan[eoay]|wysyłane|napisane|wiadomość wysłana)\\s+(?:z|ze|przez|za pomocą)(?![\\p{L}]).{0,70}",
    "(?:odesláno|odoslané|odeslané|odoslaná|odoslano|zasláno|posláno)\\s+(?:z|ze|zo|pomocí|pomocou)(?![\\p{L}]).{0,70}",
    "(?:poslano|poslato|послато|изпратено) (?:s|sa|od|iz|preko|са|од|от|с|чрез)(?![\\p{L}]).{0,70}",
    "(?:az )?(?:én )?(?:\\S{1,30} ){0,2}\\S{1,30}r[óo]l küldve|küldve .{0,50}|elküldve .{0,50}",
    "trimis (?:de pe|din|cu|prin|de la)(?![\\p{L}]).{0,70}",
    "(?:отправлено|послано|написано|надіслано|відправлено|адпраўлена)\\s+(?:с|со|из|от|через|з|із|зі|при помощи|за допомогою|моей|моїм)(?![\\p{L}]).{0,80}",
    "(?:στάλθηκε|εστάλη|αποστολή) (?:από|μέσω).{0,70}",
    ".{0,40}(?:iphone|ipad|telefon|android|outlook|cihaz|samsung|galaxy)\\S{0,12}(?: \\S{1,20}){0,2} (?:gönderildi|gönderilmiştir|gönderdim)\\.?",
    "(?:أرسلت|أُرسلت|ارسلت|مرسل|تم الإرسال|أرسل|أُرسل) (?:من|بواسطة|باستخدام)\\s?.{0,70}",
    "(?:ارسال شده|فرستاده شده) (?:از|با)\\s?.{0,70}",
    "(?:נשלח|נשלחה) (?:מ|מה|באמצעות|מתוך).{0,70}",
    "(?:从|從|发自|發自|寄自|来自|來自|由)\\s?(?:我的|我的手机|網易|网易|qq|outlook|iphone|ipad|android|华为|小米).{0,60}|发送自.{0,60}|傳送自.{0,60}|從我的.{0,40}傳送|从我的.{0,40}发送",
    ".{0,50}(?:から送信|より送信|から送りました|から送信されました)(?:しました)?[。.]?",
    "(?:나의|내)\\s.{0,40}에서 (?:보냄|보낸 메일|보냈습니다)\\.?|.{0,40}에서 (?:보냄|전송됨|발송)\\.?",
    "(?:đã gửi|gửi|được gửi) từ .{0,60}",
    "(?:dikirim|terkirim|dihantar) (?:dari|melalui|daripada|menggunakan)(?![\\p{L}]).{0,60}",
    "(?:ส่งจาก|ส่งโดย|ส่งผ่าน).{0,60}",
    "(?:enviat|enviada) (?:des de|del|des del)(?![\\p{L}]).{0,60}",
    "(?:nire|bidalita) .{0,40}(?:bidalia|etik).{0,20}",
    "(?:išsiųsta|nosūtīts|saadetud|sent) (?:iš|no|minu|mano)(?![\\p{L}]).{0,60}",
    "sendita de .{0,60}|sent\u00ed? desde .{0,60}",
  ].join("|")})$`,
  "iu",
);

/** A mobile client's or an app's own line under what the author wrote ("Sent from my iPhone"), in many languages. */
export function isDeviceSignature(content: string): boolean {
  if (content.length < 6 || content.length > 160) return false;
  const text = withoutLinks(content);
  // An app we do not know, when its link stands behind it: "Sent from ExampleMail <https://…>".
  if (text !== content && sentWithApp.test(text)) return true;
  return text.length >= 4 && sentFrom.test(text);
}

const sentWithApp =
  /^(?:sent|gesendet|envoyé|enviado|inviato|verzonden|skickat|sendt|wysłano|wysłane|отправлено|надіслано)\s+\p{L}{1,12}(?:\s+\S{1,30}){1,4}$/iu;

function withoutLinks(content: string): string {
  return content
    .replace(/[<([]?(?:https?:\/\/|mailto:)[^\s>)\]]*[>)\]]?/giu, "")
    .replace(/^[-_*\s\u2013\u2014[(<]+/u, "")
    .replace(/[-_*\s.!\])>\u2013\u2014]+$/u, "")
    .trim();
}

/** RFC 3676 §4.3: "-- " alone on a line; mailers and gateways often lose the space, some double it. */
export function isSignatureDash(content: string): boolean {
  return content === "--" || content === "\u2014\u2014" || content === "\u2013\u2013";
}

const noticeWords =
  "confidential|disclaimer|intended\\s*(?:$|solely|only|for|recipient)|solely for|addressee|privileged|mailing list|unsubscribe|legal notice|viruse?s?(?!\\p{L})|in error|vertraulich|nicht der richtige adressat|irrtümlich|confidentiel|destinataire|confidencial|destinatario|riservat[eoai]|vertrouwelijk|konfidentiell|fortrolig|luottamukselli|poufn|důvěrn|bizalmas|конфиденциальн|abmelden|désabonner";
const notice = new RegExp(
  `(?<!\\p{L})(?:${noticeWords})|https?:\\/\\/|www\\.|[^\\s@]@[^\\s@]|\\+?\\d[\\d ()./-]{6,}\\d`,
  "iu",
);
const legalWord = new RegExp(
  `(?<!\\p{L})(?:${noticeWords}|delete|recipient|copying|disclos|löschen|vernichten|supprim|elimin)`,
  "giu",
);
// How the notices begin that companies put under every mail.
const noticeOpening =
  /^[-*_"\s]{0,8}(?:confidentiality (?:notice|note)|(?:legal )?(?:disclaimer|notice)\b|this (?:e-?mail|message|communication|transmission|electronic)|the (?:information|contents?)(?: contained)? (?:in|of) this|if you (?:have received|received|are not)|please consider the environment|please note that this e-?mail|the original of this|incoming and outgoing e-?mail|internet e-?mails? (?:are|is) not|diese (?:e-?mail|nachricht)|der inhalt dieser|die in dieser|ce (?:message|courriel|mail)|ce courrier|este (?:mensaje|correo|e-?mail|mensagem)|esta mensagem|la información contenida|questo messaggio|le informazioni|dit (?:bericht|e-?mail)|deze e-?mail|de informatie|detta meddelande|denne (?:e-?mail|meddelelse|besked|e-?post)|tämä viesti|ta wiadomość|niniejsza wiadomość|tento e-?mail|ez az (?:üzenet|e-?mail)|это (?:письмо|сообщение)|настоящее сообщение|данное сообщение)/iu;
const noticeHeading = /^\P{L}{0,8}(?:legal )?(?:disclaimer|(?:confidentiality |legal )?notice)\P{L}{0,8}$/iu;
const maxNoticeParagraphs = 8;

/** Where the legal notices start that end the text; undefined when there are none or nothing stands above them. */
function noticeStart(contents: readonly string[]): number | undefined {
  let found: number | undefined;
  let end = contents.length;
  for (let count = 0; count < maxNoticeParagraphs; count++) {
    while (end > 0 && contents[end - 1] === "") end--;
    let start = end;
    while (start > 0 && contents[start - 1] !== "" && end - start < maxDashSignature) start--;
    if (start === 0 || start === end) return found;
    const paragraph = contents.slice(start, end).join(" ").slice(0, 3_000);
    if (!noticeOpening.test(paragraph)) return found;
    const words = new Set(Array.from(paragraph.matchAll(legalWord), ([word]) => word.toLowerCase()));
    if (found !== undefined && noticeHeading.test(paragraph)) found = start;
    else if (words.size < 2 && !/consider the environment/iu.test(paragraph)) return found;
    found = start;
    end = start;
  }
  return found;
}

/**
 * Where the signature starts in `contents`, the lines of one stretch of the author's own text; undefined when there is none.
 * Cautious: a closing ("Best regards, Ann") is the author's text. Taken are: from "-- " on; from a device's line on; a rule
 * with contact data or a notice under it; a rule with nothing under it; the legal notices at the end.
 */
export function signatureStart(contents: readonly string[]): number | undefined {
  let found = noticeStart(contents);
  let below = 0;
  let sinceFound = 0;
  let noticed = false;
  // From the bottom, so that each line is looked at once.
  for (let index = contents.length - 1; index >= 0; index--) {
    const content = contents[index] ?? "";
    if (content === "") continue;
    if (below <= maxDashSignature && isSignatureDash(content)) found = index;
    else if (below <= maxDeviceTail && isDeviceSignature(content)) found = index;
    else if (
      isRule(content) &&
      (below === 0 || found === nextText(contents, index) || (noticed && sinceFound <= maxRuleTail))
    ) {
      found = index;
    }
    if (found === index) {
      // What is above needs a reason of its own.
      noticed = false;
      sinceFound = 0;
    } else {
      noticed ||= notice.test(content);
      sinceFound++;
    }
    below++;
  }
  return found;
}

const maxDashSignature = 40;
const maxDeviceTail = 60;
const maxRuleTail = 15;

function nextText(contents: readonly string[], after: number): number {
  let index = after + 1;
  while (index < contents.length && contents[index] === "") index++;
  return index;
}

const warningOpening =
  /^\P{L}{0,8}(?:caution|warning|external|attention|important|notice|note|be careful|achtung|vorsicht|warnung|hinweis|avertissement|atención|cuidado|attenzione|let op|waarschuwing|varning|advarsel|uwaga|внимание|this (?:e-?mail|message) (?:originated|came|comes|was sent|is) from)(?!\p{L})/iu;
const warningOrigin = /(?<!\p{L})(?:external|outside|extern|außerhalb|exterior|esterno|buiten|utanför|zewn|внешн)/iu;
const warningAdvice =
  /(?<!\p{L})(?:click|links?|attachments?|anh[aä]ng|klick|cliquez|pièces|enlaces|adjunt|allegat|bijlage|länk|załącznik|ссылк|вложен)/iu;
const externalTag = /^\P{L}{0,8}external(?: (?:e-?mail|sender|message))?\P{L}{0,8}$/iu;
const maxWarningLines = 8;

/**
 * How many lines the warning takes that a gateway puts over mail from outside ("CAUTION: external sender, do not click
 * links"); 0 when there is none or nothing else follows.
 */
export function warningLines(contents: readonly string[]): number {
  let at = 0;
  while (at < contents.length && contents[at] === "") at++;
  const first = contents[at] ?? "";
  if (!externalTag.test(first) && !warningOpening.test(first)) return 0;
  let text = "";
  let end = at;
  let complete = false;
  for (; end < contents.length && end < at + maxWarningLines && contents[end] !== ""; end++) {
    if (complete && /[.!]\P{L}{0,4}$/u.test(contents[end - 1] ?? "")) break;
    text += ` ${contents[end]}`;
    complete ||= externalTag.test(text) || (warningOrigin.test(text) && warningAdvice.test(text));
  }
  return complete && text.length <= 800 && contents.slice(end, end + 50).some((content) => content !== "") ? end : 0;
}
