import { wordList } from "./word-list.ts";

// Lower case. Each is read as "these words, whole", between dashes, or alone before a header block or a colon.

/** "Original message", as it stands between dashes over a quoted mail. */
export const originalMessageWords = wordList(`
  original message | original mail | original email | original e-mail | originalmessage | reply message | antwort nachricht | antwortnachricht |
  replied message | message original | message d'origine | message d’origine | message initial |
  courriel original | mail original | message transmis d'origine | ursprüngliche nachricht | urspr. nachricht |
  ursprüngliche mail | originalnachricht | original-nachricht | originale nachricht | ursprüngliche e-mail |
  mensaje original | mensaje de origen | correo original | messaggio originale | messaggio d'origine |
  mail originale | mensagem original | e-mail original | oorspronkelijk bericht | origineel bericht |
  oorspronkelijke bericht | ursprungligt meddelande | originalmeddelande | ursprungsmeddelande |
  oprindelig meddelelse | oprindelig besked | oprindelig mail | original meddelelse | opprinnelig melding |
  opprinnelig e-post | original melding | alkuperäinen viesti | oryginalna wiadomość | wiadomość oryginalna |
  wiadomość pierwotna | treść oryginalnej wiadomości | původní zpráva | původní e-mail | pôvodná správa |
  eredeti üzenet | eredeti levél | mesaj original | mesajul original | mesaj iniţial | mesaj inițial |
  исходное сообщение | исходное письмо | оригинальное сообщение | первоначальное сообщение |
  пересылаемое сообщение исходное | початкове повідомлення | оригінальне повідомлення | вихідне повідомлення |
  оригинално съобщение | първоначално съобщение | изворна порука | оригинална порука | originalna poruka |
  izvorna poruka | izvirno sporočilo | originalno sporočilo | αρχικό μήνυμα | πρωτότυπο μήνυμα | orijinal mesaj |
  orjinal mesaj | özgün ileti | özgün mesaj | asıl mesaj | الرسالة الأصلية | رسالة أصلية | پیام اصلی |
  הודעה מקורית | 原始邮件 | 回复的原邮件 | 回复的邮件 | 答复的原邮件 | 받은 메일 내용 | 原始郵件 | 原邮件 | 原始信件 | 元のメッセージ | 元のメール | オリジナルメッセージ | 원본 메시지 | 원본 메일 | 원본메일 | thư gốc |
  tin nhắn gốc | thư ban đầu | pesan asli | mesej asal | ข้อความต้นฉบับ | ข้อความเดิม | missatge original |
  jatorrizko mezua | mensaxe orixinal | originalus laiškas | pirminis pranešimas | sākotnējais ziņojums |
  oriģinālais ziņojums | algne kiri | algne sõnum | upprunaleg skilaboð | upphafleg skilaboð | mesazhi origjinal |
  मूल संदेश | oorspronklike boodskap
`);

/** "Forwarded message", between dashes, or alone on a line that ends with a colon ("Begin forwarded message:"). */
export const forwardedMessageWords = wordList(`
  forwarded message | begin forwarded message | start of forwarded message | forwarded mail | forwarded email |
  forwarded by | forwarded letter | forward message | fw message | message transféré | message transmis |
  début du message transféré | début du message réexpédié | message réexpédié | courriel transféré |
  weitergeleitete nachricht | anfang der weitergeleiteten nachricht | beginn der weitergeleiteten nachricht |
  weitergeleitete e-mail | weitergeleitet | mensaje reenviado | inicio del mensaje reenviado |
  comienza el mensaje reenviado | mensaje encaminado | messaggio inoltrato | inizio messaggio inoltrato |
  inizio del messaggio inoltrato | messaggio inoltrato da | mensagem encaminhada | mensagem reencaminhada |
  início da mensagem encaminhada | início da mensagem reencaminhada | doorgestuurd bericht |
  begin doorgestuurd bericht | begin van doorgestuurd bericht | doorgezonden bericht |
  vidarebefordrat meddelande | vidarebefordrat brev | vidarebefordrat mail | påbörjat vidarebefordrat brev |
  börja vidarebefordrat meddelande | videresendt meddelelse | videresendt besked | start på videresendt besked |
  start på videresendt meddelelse | videresendt melding | videresendt e-post | begynnelse på videresendt melding |
  videresendt | begynn videresendt melding | start på videresendt melding | edelleenlähetetty viesti |
  välitetty viesti | välitetty viesti alkaa | lähetetty edelleen | wiadomość przekazana dalej |
  wiadomość przekazana | początek przekazywanej wiadomości | treść przekazanej wiadomości | przekazana wiadomość |
  treść przekazywanej wiadomości | přeposlaná zpráva | začátek přeposílané zprávy | začátek přeposlané zprávy |
  přeposlaný e-mail | předaná zpráva | preposlaná správa | odovzdaná správa | začiatok preposlanej správy |
  preposlaný e-mail | továbbított üzenet | továbbított üzenet kezdete | továbbított levél |
  továbbított levél kezdete | mesaj redirecţionat | mesaj redirecționat | mesaj redirectionat |
  început mesaj redirecționat | începutul mesajului redirecționat | mesaj transmis mai departe |
  пересылаемое сообщение | пересланное сообщение | перенаправленное сообщение |
  начало переадресованного сообщения | начало пересылаемого сообщения | начало пересланного сообщения |
  переслане повідомлення | перенаправлене повідомлення | початок переадресованого повідомлення |
  початок листа, що пересилається | препратено съобщение | начало на препратеното съобщение | прослеђена порука |
  proslijeđena poruka | prosleđena poruka | započni proslijeđenu poruku | početak proslijeđene poruke |
  posredovano sporočilo | začetek posredovanega sporočila | προωθημένο μήνυμα | αρχή προωθημένου μηνύματος |
  προώθηση μηνύματος | iletilen ileti | yönlendirilmiş mesaj | iletilmiş mesaj | iletilen mesaj |
  iletilmiş ileti | iletilmiş ileti başlangıcı | iletilen mesajın başlangıcı | yönlendirilen ileti başlangıcı |
  رسالة معاد توجيهها | رسالة مُعاد توجيهها | بدء الرسالة المعاد توجيهها | بداية الرسالة المُعاد توجيهها |
  رسالة محولة | پیام بازارسال‌شده | پیام بازفرستاده | הודעה שהועברה | הודעה שהועברה הלאה | תחילת ההודעה שהועברה |
  转发的邮件 | 转发的原邮件 | 转发邮件 | 转发邮件信息 | 已转发邮件 | 被转发邮件信息 | 被转发的邮件 | 开始转发的邮件 | 下面是被转发的邮件 | 以下是转发的邮件 | 轉寄郵件 | 轉寄的郵件 | 轉寄的訊息 |
  已轉寄的郵件 | 開始轉寄郵件 | 以下是轉寄的郵件 | 轉寄訊息 | 転送メッセージ | 転送されたメッセージ | 転送メール | 転送されたメール | 전달된 메시지 | 전달된 메일 | 전달한 메시지 |
  전달된 메시지의 시작 | tin nhắn được chuyển tiếp | thư đã chuyển tiếp | thư chuyển tiếp | bắt đầu thư được chuyển tiếp |
  pesan terusan | pesan yang diteruskan | mulai pesan yang diteruskan | awal pesan yang diteruskan |
  mesej dipanjangkan | mesej yang dimajukan | ข้อความที่ส่งต่อ | ข้อความส่งต่อ | เริ่มต้นข้อความที่ส่งต่อ |
  missatge reenviat | inici del missatge reenviat | birbidalitako mezua | berbidalitako mezua |
  mensaxe reenviada | persiųstas laiškas | persiųsta žinutė | pārsūtītais ziņojums | pārsūtīta ziņa |
  edastatud kiri | edastatud sõnum | áframsend skilaboð | áframsent skeyti | अग्रेषित संदेश |
  aangestuurde boodskap | mesazh i përcjellë | începe mesajul redirecționat | vidarebefordrat mejl |
  ileti başlangıcı | välitetty viesti / fwd.msg | preposlaná správa --- forwarded message | メッセージを転送 |
  wiadomość przesłana dalej | mesaj redirecționat --- forwarded message
`);
