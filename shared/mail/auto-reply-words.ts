import { wordsOf } from "./words.ts";

/**
 * How automatic answers open their subject. Two strengths, because people write about holidays too: `sure` phrases are
 * what software puts there; `likely` ones need something else beside them.
 */

/** "Automatic reply" as mail systems word it, one line per group of languages; something may follow. */
const automaticReply = [
  "(?:yahoo!? )?auto(?:matic(?:ally generated)?)?[- ]?(?:re(?:ply|sponse|sponder)|respond(?:er)?|answer)|auto(?:mated)? (?:reply|response|message|acknowledge?ment)|autoreply",
  "automatische (?:antwort|rückantwort|eingangsbestätigung|beantwoording)|automatisch antwoord|automatisches? antwort|autoantwort",
  "r[ée]ponse automatique|respuesta autom[áa]tica|resposta autom[áàa]tica|risposta automatica|erantzun automatikoa",
  "automatiskt? (?:svar|avsked|frånvarosvar)|autosvar|sjálfvirkt svar|automaattinen vastaus|automaatvastus|autom\\. (?:svar|antwort)",
  "automatyczna odpowiedź|odpowiedź automatyczna|autoodpowiedź|automatická odpov[eě][dď]|automatikus (?:válasz|üzenet)|răspuns automat|samodejni odgovor|automatski odgovor|аутоматски одговор",
  "automātisk[āa] atbilde|\\S{2,20} biroja \\S{2,20} automatiska atbilde|automatinis (?:atsakymas|atsakas)|otomatik (?:yanıt|cevap)",
  "автоматический ответ|автоответ|автоматична відповідь|автовідповідь|автоматичен отговор|автоматты жауап|αυτόματη απάντηση",
  "自動(?:応答|返信|回覆|回复|答复)|【自動返信】|自动(?:回复|答复|回覆)|자동 ?(?:회신|응답|답장)|رد تلقائي|پاسخ خودکار|תשובה אוטומטית|מענה אוטומטי|स्वचालित उत्तर",
  "trả lời tự động|balasan (?:otomatis|automatik)|(?:การ)?ตอบกลับอัตโนมัติ",
].join("|");

/** "Out of the office" as mail systems word it. */
const outOfOffice = [
  "out[- ]of[- ](?:the )?office(?:[- ]?(?:auto|reply|response|message|notification|notice|re:|re |until|from|till|for|[-–:!.(\\[])|\\s*$)|ooo(?::|\\s*$| re:)|oof:|(?:vacation|holiday) (?:reply|response|message|notice|notification|alert|auto)|away from (?:the office|my (?:mail|e-?mail|desk))",
  "abwesenheits\\S{2,15}|abwesenheit(?::|\\s*$)|ausserhalb des büros|nicht im büro:",
  "réponse (?:automatique )?d'absence|absent(?:e|\\(e\\))? du bureau|message d'absence|notification d'absence|absence du bureau",
  "fuera de (?:la )?oficina|respuesta de ausencia|aviso de ausencia|fora d[oe] escritório|ausência temporária|resposta de ausência|fuori (?:sede|ufficio)|risposta di assenza",
  "afwezigheids\\S{2,15}|niet op kantoor|buiten kantoor|afwezig:",
  "frånvaro(?:meddelande|:|\\s*$)|ej på kontoret|fravær(?::|s\\S{2,15}|\\s*$)|ikke (?:til ?stede|på kontoret)|poissa (?:toimistosta|työpaikalta)|poissaoloviesti|poissa:",
  "poza biurem|nieobecność(?: w biurze|:)|mimo kancelář|nepřítomnost(?::|\\s*$)|házon kívül|irodán kívül|ofis dışında|ārpus biroja|ne biure|izvan ureda|izven pisarne",
  "вне офиса|отсутствие на рабочем месте|нет на рабочем месте|поза офісом|відсутність на робочому|извън офиса|εκτός γραφείου|خارج المكتب|מחוץ למשרד",
  "不在(?:通知|連絡|のお知らせ|[:：]|\\s*$)|外出中(?:[:：]|\\s*$)|外出[:：]|休暇中|休假中|부재 ?중|외출 ?중",
].join("|");

/** A person who goes away writes these as well. */
const awayWords = [
  "on (?:vacation|holiday|leave|maternity leave|annual leave)|(?:maternity|paternity|parental|annual|sick) leave|vacation|holidays?|i(?:'| a)m (?:away|out|on (?:vacation|holiday|leave))|absence",
  "urlaub|ich bin (?:im urlaub|nicht (?:da|im haus|im büro)|abwesend)|im urlaub|mutterschutz|elternzeit|außer haus|absent",
  "congés?(?: annuels)?|en (?:congés?|vacances)|je suis (?:absent|en congés?)e?|ausente|ausencia|de vacaciones|vacaciones|ausência|férias|em férias|de férias|ferie|in ferie|assente|assenza",
  "afwezig|met vakantie|op vakantie|vakantie|semester|på semester|på ferie|lomalla|loma|dovolen[áa]|urlop|na urlopie|szabadság|szabadságon|atvaļinājum[sā]|atvaļinājumā|atostogos|puhkusel|izinde|yıllık izin",
  "в отпуске|отпуск|отсутствую|у відпустці|відпустка|в отпуск|休暇|休假|휴가",
].join("|");

/** Systems that say that they got the mail. */
const acknowledgement = [
  "(?:we(?:'ve| have)? received|thank you for|thanks for) (?:contacting\\b.{0,60}|your (?:e-?mail|message|enquiry|inquiry|request|submission|support request|feedback|interest))(?:\\s*$|\\s*[!.:;|#(\\[–-])",
  "your (?:request|e-?mail|message|enquiry|inquiry|ticket|case|feedback) (?:has been|was) (?:successfully )?(?:received|registered|submitted|logged)|\\[?(?:request|ticket|case|message|support request) (?:received|registered)\\]?(?:\\s*$|\\s*[:\\]])",
  "eingangsbestätigung|empfangsbestätigung|bestätigung ihrer (?:anfrage|nachricht)|ihre (?:anfrage|nachricht|e-?mail) ist (?:bei uns )?eingegangen|wir haben ihre (?:anfrage|nachricht|e-?mail) erhalten|vielen dank für ihre (?:anfrage|nachricht|e-?mail)(?:\\s*$|\\s*[!.:;|#(\\[–-])",
  "accusé de réception|nous avons (?:bien )?reçu votre|votre (?:demande|message) a (?:bien )?été (?:reçu|enregistr)|merci (?:pour|de) (?:votre (?:message|e-?mail)|nous avoir contacté)",
  "acuse de recibo|hemos recibido (?:su|tu)|(?:su|tu) (?:solicitud|mensaje) ha sido recibid|gracias por (?:contactar|su mensaje|tu mensaje|su correo)|recebemos (?:a |o )?su?a? ?(?:mensagem|solicitação|e-?mail)|obrigad[oa] pel?o (?:seu )?(?:contato|e-?mail)|abbiamo ricevuto (?:la|il) (?:tua|sua|tuo|suo)|grazie per (?:averci contattato|la (?:sua|tua) (?:e-?mail|richiesta))",
  "wij hebben uw (?:bericht|e-?mail|aanvraag) ontvangen|ontvangstbevestiging|vi har (?:modtaget|mottatt|tagit emot|mottagit) (?:din|ditt|dit)|kvittering for|mottagningsbekräftelse|otrzymaliśmy (?:twoją|państwa)|potwierdzenie (?:otrzymania|przyjęcia)|potvrzení (?:přijetí|o přijetí)",
  "ваш(?:е обращение|а заявка|е письмо) (?:получен|принят|зарегистрирован)|мы получили ваш|お問い合わせ(?:いただき)?(?:を)?(?:ありがとうございます|受け付け|を受け付け)|お問合せ(?:ありがとうございます|受付)|感谢您的(?:来信|邮件|联系)|已收到您的|您的(?:邮件|请求)已收到",
].join("|");

/** The subject quoted behind the words, as Gmail and most responders do. */
const quotedSubject = "(?:\\s*[:：-])?\\s*(?:re|aw|antw|sv|vs|odp|rv|fwd?|wg|tr)\\s*[:：]";

const opening = "^[^\\p{L}\\p{N}]*";

/** What only software writes. */
export const automaticSubject = wordsOf(
  `${opening}(?:${automaticReply}|${acknowledgement})|${opening}\\[auto[- ]?re(?:ply|sponse)\\]|\\(auto(?:matic|mated)?[- ]?re(?:ply|sponse)\\)\\s*$|\\bauto-?re(?:ply|sponse)\\s*$`,
);

export const awaySubject = wordsOf(
  `${opening}(?:auto(?:matic)?[^\\p{L}\\p{N}]+)?(?:${outOfOffice}|(?:${awayWords})${quotedSubject})|^(?:auto\\s*:\\s*)?[^:]{1,80}\\b(?:is (?:out of (?:the )?office|on vacation|currently away)|ist (?:außer haus|abwesend|nicht im (?:büro|haus))|est (?:absent|en congés?)(?:\\(?e\\)?)?|está (?:ausente|fuera)|è (?:assente|fuori))\\b`,
);

/** What a person may write too: only with another sign. */
export const awayWordsSubject = wordsOf(`${opening}(?:${awayWords})\\s*(?:$|[:：!.(–-])`);

/** What an automatic answer says about itself. */
export const automaticStatement = new RegExp(
  [
    "\\bthis is an? (?:automat(?:ic|ed)|auto[- ]?generated|automatically (?:generated|sent)) (?:e-?mail )?(?:reply|response|message|e-?mail|answer|notification|acknowledge?ment|confirmation)",
    "\\bthis (?:e-?mail|message|reply|response) (?:was|is|has been) (?:automatically (?:generated|sent|created)|(?:generated|sent|created) automatically)",
    "\\bdies(?:e|es)? (?:ist eine )?(?:automatisch (?:generierte|erstellte|erzeugte|versandte) )?(?:automatische )?(?:nachricht|e-?mail|antwort|mail|rückmeldung)(?: (?:wurde|ist|wird))? ?automatisch (?:generiert|erstellt|erzeugt|versandt|versendet)",
    "\\bdies ist eine (?:automatische|automatisch (?:generierte|erstellte|erzeugte|versandte)) (?:nachricht|e-?mail|antwort|mail|rückmeldung|eingangsbestätigung)",
    "\\bceci est (?:une réponse|un (?:message|e-?mail|courriel)) automatique|\\b(?:ce|cet) (?:message|e-?mail|courriel) (?:est|a été) (?:généré|envoyé) automatiquement",
    "\\b(?:este es un (?:mensaje|correo)|esta es una respuesta) automátic[oa]|\\besta é uma (?:mensagem|resposta) automática|\\bquest[oa] è (?:un messaggio|una (?:risposta|e-?mail)) automatic[oa]",
    "\\bdit is een automatisch (?:gegenereerd )?(?:bericht|antwoord|e-?mail)|\\bdet(?:ta|te) är ett automatiskt|\\bdette er (?:en|et) automatisk|\\bto jest (?:automatyczna|wiadomość automatyczna)|\\bwiadomość (?:została )?wygenerowana automatycznie",
    "это автоматическ|сообщение (?:создано|отправлено|сформировано) автоматически|このメールは.{0,12}自動|自動(?:返信|応答)メール|此邮件(?:为|是|由).{0,10}自动|本邮件(?:为|是|由).{0,10}自动|자동(?:으로)? (?:발송|회신|응답)",
  ].join("|"),
  "iu",
);

/** Somebody's absence, told to everybody alike: away, and until when or whom to ask instead. */
export const awayStatement = new RegExp(
  [
    "^[^\\n]{0,80}\\n?[^\\n]{0,120}\\bi(?:'m|’m| am| will be) (?:currently |now |presently )?(?:out of (?:the )?office|away from (?:the office|my (?:desk|e-?mail))|on (?:annual |maternity |paternity |parental |sick )?(?:leave|vacation|holidays?))\\b[\\s\\S]{0,400}\\b(?:(?:no|limited|without) access to (?:my )?e-?mails?|(?:respond|reply|answer|get back|attend) to (?:you|your)|(?:urgent|immediate|emergenc)\\S*[\\s\\S]{0,60}(?:contact|call|e-?mail|reach))",
    "^[^\\n]{0,80}\\n?[^\\n]{0,120}\\b(?:ich bin|ich befinde mich)\\b[^\\n]{0,60}(?:nicht im (?:büro|haus)|im urlaub|außer haus|abwesend|nicht erreichbar|in elternzeit)[\\s\\S]{0,400}(?:dringend|wenden sie sich|vertretung|nicht (?:weitergeleitet|gelesen)|nach meiner rückkehr|e-?mails? werden)",
    "^[^\\n]{0,80}\\n?[^\\n]{0,120}\\bje suis\\b[^\\n]{0,40}(?:absente?|en congés?)[\\s\\S]{0,400}(?:urgence|urgent|contacter|à mon retour|retour)",
    "^[^\\n]{0,80}\\n?[^\\n]{0,120}(?:estoy|estaré|me encuentro)[^\\n]{0,40}(?:fuera de la oficina|de vacaciones|ausente)[\\s\\S]{0,400}(?:urgente|contact|a mi regreso|vuelta)",
    "^[^\\n]{0,80}\\n?[^\\n]{0,120}(?:sono|sarò)[^\\n]{0,40}(?:assente|fuori ufficio|in ferie)[\\s\\S]{0,400}(?:urgen|contatt|al mio rientro)",
    "^[^\\n]{0,80}\\n?[^\\n]{0,120}\\bik ben\\b[^\\n]{0,60}(?:afwezig|niet op kantoor|met vakantie)[\\s\\S]{0,400}(?:dringend|contact|terugkomst)",
  ].join("|"),
  "iu",
);
