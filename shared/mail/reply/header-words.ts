import { wordList } from "./word-list.ts";

export type QuotedField = "from" | "date" | "to" | "cc" | "subject" | "other";

// The names of the header fields that clients print over a quoted or forwarded mail (Outlook, Apple Mail, Gmail, Yahoo,
// Thunderbird, Zimbra, mobile clients), lower case, by field.
const fieldNames: Readonly<Record<QuotedField, readonly string[]>> = {
  from: wordList(`
    from | sender | de | expéditeur | von | absender | desde | remitente | da | mittente | remetente | van |
    afzender | från | fra | avsändare | afsender | avsender | lähettäjä | keneltä | od | nadawca | odesílatel |
    odosielateľ | pošiljatelj | šalje | feladó | küldő | expeditor | de la | от | отправитель | от кого | від |
    від кого | відправник | изпратено от | подател | од | από | αποστολέας | kimden | gönderen | gönderici | من |
    المرسل | فرستنده | از | מאת | שולח | 发件人 | 寄件人 | 寄件者 | 差出人 | 送信者 | 送信元 | 보낸 사람 | 보낸사람 | 발신 | 발신인 | từ |
    người gửi | dari | pengirim | daripada | จาก | ผู้ส่ง | remitent | nork | nuo | siuntėjas | no | saatja |
    kellelt | frá | प्रेषक | kimdən | nga | expeditorul
  `),
  date: wordList(`
    date | sent | sent on | envoyé | envoyé le | datum | gesendet | gesendet am | fecha | enviado | enviado el |
    enviado em | enviada em | enviada | data | inviato | data invio | verzonden | verzonden op | skickat |
    skickad | dato | sendt | sendt dato | lähetetty | päivämäärä | päiväys | wysłano | wysłane | data wysłania |
    odesláno | odoslané | dátum | poslano | poslato | küldve | elküldve | küldés dátuma | trimis | dată | дата |
    отправлено | отправлен | отправленные | надіслано | изпратено | датум | послато | στάλθηκε | ημερομηνία | απεστάλη | tarih |
    gönderildi | gönderme tarihi | تاريخ | التاريخ | تاريخ الإرسال | تم الإرسال | تاریخ | ارسال شده | תאריך |
    נשלח | 日期 | 发送时间 | 发送日期 | 时间 | 寄件日期 | 傳送時間 | 日時 | 日付 | 送信日時 | 送信日 | 날짜 | 보낸 날짜 | 보낸날짜 | 보낸 시간 | 일시 | ngày |
    đã gửi | gửi | ngày gửi | tanggal | dikirim | tarikh | dihantar | วันที่ | ส่ง | เวลา | enviat | enviat el |
    bidalia | išsiųsta | nosūtīts | datums | saadetud | kuupäev | dagsetning | sent at | received | 時間 | dáta |
    तारीख | दिनांक | envoyé à | göndərildi | gönderilen | відправлено | odoslaný | sent date | date sent |
    message du
  `),
  to: wordList(`
    to | à | a | an | para | destinataire | destinataires | empfänger | aan | till | til | vastaanottaja |
    kenelle | do | adresat | komu | príjemca | prima | za | címzett | către | catre | кому | получатель |
    отримувач | до | за | προς | kime | alıcı | إلى | الى | المستلم | به | گیرنده | אל | נמען | 收件人 | 收件者 | 宛先 |
    受信者 | 送信先 | 받는 사람 | 받는사람 | 받은 사람 | 수신 | đến | tới | người nhận | kepada | untuk | ถึง | ผู้รับ | per a |
    nori | kam | saaja | kellele | viðtakandi | destinatario | destinatari | destinatário | prejemnik |
    geadresseerde | प्राप्तकर्ता | destinatarul | pour | pre | sent to | alici | adressaat | för
  `),
  cc: wordList(`
    cc | c.c. | copie | copie à | copia | kopie | kopie an | kopia | kopi | kopio | kopia do | dw | udw | bcc |
    cci | cco | ccn | másolat | másolatot kap | копия | копія | копие | копија | κοιν | κοιν. | κοινοποίηση |
    bilgi | نسخة | نسخة إلى | رونوشت | עותק | 抄送 | 副本 | 참조 | cópia | con copia | copia a | kopija | sao chép |
    tembusan | สำเนา | cc a | cópia para | kopie (cc) | kópia | copie carbone | kopia (cc)
  `),
  subject: wordList(`
    subject | objet | sujet | betreff | betr | asunto | oggetto | assunto | onderwerp | thema | ämne | emne | aihe |
    temat | předmět | predmet | naslov | zadeva | tárgy | subiect | тема | относно | предмет | наслов | θέμα |
    konu | الموضوع | موضوع | נושא | 主题 | 主旨 | 主題 | 件名 | 标题 | 제목 | chủ đề | subjek | perihal | subyek | เรื่อง |
    หัวเรื่อง | assumpte | gaia | tema | temats | teema | efni | विषय | mövzu | tiêu đề | subject line |
    subiectul
  `),
  other: wordList(`
    reply-to | reply to | répondre à | antwort an | responder a | rispondi a | importance | wichtigkeit |
    priority | priorität | prioridad | priorité | prioriteit | prioritet | attachments | anlagen |
    pièces jointes | adjuntos | allegati | anexos | bijlagen | bilagor | vedlegg | załączniki | вложения |
    organization | organisation | newsgroups | importancia | belang | message-id | references | resent-from |
    mailed-by | signed-by | svar til | svar till | svara till | resposta para | responder para | vastausosoite |
    odpověď komu | odpowiedź do | válaszcím | ответ | yanıtla | 回复 | 回复至 | 답장 | odgovori na | odpověď na |
    antwoord aan | vastaus | odpowiedź-do | răspuns către | ответ-кому | odpovedať-pre | yanıt adresi |
    кому відповісти | antwoord
  `),
};

const fieldByName: ReadonlyMap<string, ReadonlySet<QuotedField>> = (() => {
  const map = new Map<string, Set<QuotedField>>();
  for (const field of Object.keys(fieldNames) as QuotedField[]) {
    for (const name of fieldNames[field]) {
      const fields = map.get(name) ?? new Set<QuotedField>();
      fields.add(field);
      map.set(name, fields);
    }
  }
  return map;
})();

/** The fields that a printed name can stand for: "date" and "from" share a name in no language, "to" and "from" ("a", "da") might. */
export function quotedFields(name: string): ReadonlySet<QuotedField> | undefined {
  return fieldByName.get(name.toLowerCase().normalize("NFC"));
}
