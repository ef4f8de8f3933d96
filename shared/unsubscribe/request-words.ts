// What people write who want no more mail, by language. Everything in lower case, NFKC; a comma parts the entries.

/** Words and phrases that can mean nothing else. A space stands for any white space. */
export const clearWords: readonly string[] = words(`
  unsubscribe, unsubscribe me, unsubscribe request, request to unsubscribe, unsub, un-subscribe, unsubscribed, unsubscription, unsubcribe, unsuscribe, opt out, opt-out, optout,
  remove me, remove us, take me off, signoff, leave the list, leave this list, stop emailing me,
  remove my email, remove my address, remove my email address, remove my e-mail address, delete me from, cancel my subscription,
  stop sending me, do not send me, don't send me, do not email me, don't email me, no more emails, no more e-mails, no more mail,
  no more mails, stop the newsletter, stop these emails, stop your emails, end my subscription,
  abmelden, abmeldung, abbestellen, abbestellung, austragen, newsletter abbestellen, bitte abmelden, melden sie mich ab, meldet mich ab,
  tragen sie mich aus, tragt mich aus, keine mails mehr, keine e-mails mehr, keine emails mehr, keine newsletter mehr, keinen newsletter mehr,
  nehmen sie mich aus, nehmt mich aus, aus dem verteiler, newsletter kündigen, abo kündigen,
  désinscription, désinscrire, désinscrivez-moi, désinscrivez moi, me désinscrire, désabonner, désabonnement, désabonnez-moi,
  désabonnez moi, me désabonner, se désabonner, desinscription, desinscrire, desabonner, desabonnement, desabonnez-moi, ne plus recevoir,
  retirez-moi, retirez moi, me retirer de, plus de mails, plus d'e-mails,
  darme de baja, dar de baja, darse de baja, dadme de baja, denme de baja, deme de baja, dame de baja, den de baja, date de baja,
  cancelar suscripción, cancelar la suscripción, cancelar mi suscripción, cancelar suscripcion, desuscribir, desuscribirme,
  desuscribirse, desinscribir, desinscribirme, no enviar más, no me envíen más, no quiero recibir más, anular suscripción,
  descadastrar, descadastre, descadastrar-me, cancelar inscrição, cancelar a inscrição, cancelar minha inscrição, cancelar assinatura,
  cancelar a assinatura, cancelar subscrição, cancelar a subscrição, anular subscrição, remova-me, remover-me, me remova, me remover,
  não quero receber mais, não quero mais receber, anular a subscrição,
  cancellami, cancellatemi, disiscrivimi, disiscrivermi, disiscrivere, disiscrizione, cancellarmi, cancellazione iscrizione,
  cancella iscrizione, annulla iscrizione, annullare l'iscrizione, disiscrivetemi, rimuovimi, rimuovetemi, non voglio più ricevere,
  afmelden, afmelding, uitschrijven, uitschrijving, schrijf me uit, meld me af, schrijf mij uit, meld mij af, geen e-mails meer,
  geen mails meer, abonnement opzeggen, geen nieuwsbrief meer,
  avregistrera, avregistrering, avprenumerera, avsluta prenumeration, avsluta prenumerationen, avbeställa, avanmäl, avanmälan,
  afmeld, afmeld mig, afmelding af, frameld, frameld mig, meld mig af, avmeld, avmeld meg, avmelding, meld meg av, meld meg ut,
  avslutt abonnement, avslutte abonnementet, opsig abonnement,
  peru tilaus, peruuta tilaus, peruuttaa tilauksen, peruuta uutiskirje, poista minut, poistakaa minut, lopeta tilaus, en halua enää,
  wypisz, wypisz mnie, wypisać się, wypisz się, rezygnuję, rezygnacja, wypisuję się, proszę o wypisanie, wypisanie, anuluj subskrypcję,
  anulować subskrypcję, usuń mnie, proszę mnie wypisać,
  odhlásit, odhlasit, odhlaste mě, odhlásit odběr, odhlášení, zrušit odběr, zrušte odběr, odhlásiť, odhlásenie, zrušiť odber,
  odhláste ma, odjava, odjavi me, odjavite me, odjaviti, odjavljam se, odjavim se,
  leiratkozás, leiratkozom, leiratkozni, leiratkoznék, iratkozzanak le, iratkoztassanak le, feliratkozás törlése,
  dezabonare, dezabonează-mă, dezaboneaza-ma, dezabonați-mă, mă dezabonez, doresc să mă dezabonez, dezabonez,
  abonelikten çık, abonelikten çıkmak istiyorum, abonelikten çıkar, aboneliği iptal et, abonelikten çıkarın, listeden çıkar,
  aboneliğimi iptal edin, listeden çıkarın, üyelikten çık,
  отписаться, отписка, отпишите, отпишите меня, отписать меня, отменить подписку, отмена подписки, удалите меня, хочу отписаться,
  не присылайте, не присылайте больше, отказаться от рассылки, отказ от рассылки, отписывайте меня,
  відписатися, відписатись, відпишіть, відпишіть мене, відписка, скасувати підписку, отпиши ме, отписване, отписвам се,
  διαγραφή, διαγράψτε με, απεγγραφή, κατάργηση εγγραφής, θέλω να διαγραφώ,
  配信停止, 配信停止希望, 配信を停止, 配信解除, 購読解除, 購読を解除, 購読停止, メルマガ解除, 登録解除, 解除希望, 退会, 退会希望,
  退订, 退訂, 取消订阅, 取消訂閱, 我要退订, 我要退訂, 请取消订阅, 請取消訂閱, 停止订阅, 不要再发, 不要再發, 取消订閱,
  수신거부, 수신 거부, 구독취소, 구독 취소, 구독해지, 구독 해지, 수신 거부합니다, 메일 거부,
  إلغاء الاشتراك, الغاء الاشتراك, ألغ اشتراكي, إلغاء اشتراكي, أريد إلغاء الاشتراك,
  הסר, הסרה, הסירו אותי, להסיר, הסר אותי, ביטול הרשמה, ביטול מנוי,
  hủy đăng ký, huỷ đăng ký, ngừng đăng ký, berhenti berlangganan, batalkan langganan, henti langganan, nyahlanggan,
  ยกเลิกการสมัคร, ยกเลิกการรับข่าวสาร, ยกเลิกการติดตาม, सदस्यता समाप्त, सदस्यता रद्द, atsisakyti prenumeratos, loobu tellimusest,
  tühista tellimus, atteikties no abonēšanas, atsisakyti, ezabatu harpidetza, donar-me de baixa, dona'm de baixa, cancel·lar subscripció,
  afskrá, afskráning, dad-danysgrifio
`);

/** Words that mean it when a message says nothing else. */
export const bareWords: readonly string[] = words(`
  stop, stop it, stopp, stop mail, stop mails, stop email, stop emails, stop sending, remove, leave, cancel, quit, end, arrêt, arret,
  arrêter, arrêtez, stopper, baja, alto, parar, pare, sair, salir, cancellazione, cancella, basta, ferma, smetti, kündigen, aufhören,
  stoppen, avsluta, sluta, lopeta, fjern, fjern meg, fjern mig, slet mig, koniec, konec, vége, dur, durdur, iptal, стоп, отмена, σταματήστε,
  停止, 中止, 取消, 중지, 그만, توقف, קיצור, עצור, dừng, verwijder, verwijder mij, remover, anuleaza, anulează, usuń, удалить
`);

/** What may stand around it and changes nothing. No word of denial, and none that asks. */
export const plainWords: readonly string[] = words(`
  please, pls, plz, kindly, hi, hello, hey, dear, sir, madam, team, all, thanks, thank, you, thx, regards, best, kind, sincerely, cheers, yours,
  me, my, us, i, want, wish, would, like, 'd, i'd, to, from, of, off, the, this, that, your, our, any, and, these, those, it, now, today,
  immediately, asap, at, once, list, lists, mailing, newsletter, newsletters, mail, mails, email, emails, e-mail, e-mails, message, messages,
  address, addresses, subscription, subscriptions, further, future, anymore, everything, be, have, for, more, sending, marketing,
  promotional, updates, automatically, generated, by, gmail, sent, in, on, with, distribution, am, writing, could,
  bitte, hallo, guten, tag, sehr, geehrte, damen, herren, vielen, dank, danke, mich, mir, uns, ich, möchte, moechte, will, wir, möchten, vom, von, aus, dem,
  den, der, die, das, des, diesem, diesen, ihrem, ihren, ihre, ihr, eurem, newsletters, verteiler, liste, mailingliste, sofort, ab, und, mehr, mit,
  freundlichen, grüßen, grüssen, gruß, hiermit, adresse, e-mail-adresse, zum, zur, meine, meiner, sie, mailadresse, post,
  merci, bonjour, madame, monsieur, s'il, vous, plaît, plait, svp, je, j'aimerais, souhaite, veux, voudrais, me, moi, mon, ma, mes, de, du, d', la, le,
  les, cette, votre, vos, liste, diffusion, lettre, d'information, informations, courriel, courriels, mail, adresse, e-mail, cordialement, par, avance,
  d'avance, à, veuillez, bien, vouloir, et,
  por, favor, hola, gracias, buenos, días, buenas, tardes, quiero, quisiera, deseo, solicito, mi, mis, de, del, la, el, las, los, su, sus, lista, correo,
  correos, boletín, boletin, dirección, esta, este, y, saludos, un, cordial, saludo, electrónico, suscripción, mensajes, más,
  olá, ola, bom, dia, boa, tarde, obrigado, obrigada, quero, gostaria, desejo, meu, minha, da, do, das, dos, sua, seu, lista, e-mails, endereço, desta,
  deste, e, inscrição, atenciosamente, favor, emails,
  per, favore, buongiorno, salve, grazie, vorrei, voglio, desidero, dalla, dal, della, del, dei, vostra, vostro, lista, mio, mia, indirizzo, questa,
  questo, cordiali, saluti, mailing, distribuzione, prego, iscrizione,
  alstublieft, alsjeblieft, aub, hallo, beste, graag, wil, wilt, ik, mij, mijn, van, voor, uit, de, het, deze, uw, jullie, lijst, nieuwsbrief, mailinglijst,
  bedankt, dank, u, met, vriendelijke, groet, groeten, adres, e-mailadres,
  hej, hei, tack, takk, tak, vänligen, venligst, vennligst, jag, jeg, vill, vil, gerne, gärna, mig, meg, från, fra, denna, denne, dette, ert, er, era, jeres,
  deres, utskicket, nyhetsbrev, nyhetsbrevet, nyhedsbrev, nyhedsbrevet, nyhetsbrevet, listan, listen, min, mitt, adress, adresse, med, vänlig, hälsning, venlig,
  hilsen, vennlig, mvh, prenumeration, abonnement,
  hei, kiitos, haluan, haluaisin, uutiskirjeen, uutiskirje, postituslistalta, listalta, sähköpostit, ystävällisesti, terveisin, minut,
  proszę, prosze, dzień, dobry, dziękuję, dziekuje, chcę, chciałbym, chciałabym, mnie, się, z, listy, mailingowej, newslettera, newsletter, mojego, mój, adres,
  adresu, pozdrawiam, subskrypcji, o,
  prosím, dobrý, den, děkuji, ďakujem, chci, chcem, mě, ma, z, ze, vašeho, odběru, newsletteru, mailing, listu, adresu, svou, odber, odběr,
  kérem, kérek, köszönöm, üdvözlettel, szeretnék, a, az, hírlevélről, hírlevél, levelezőlistáról, címem,
  vă, va, rog, mulțumesc, multumesc, bună, ziua, de, la, din, lista, newsletterul, vreau, doresc, să, adresa, mea,
  lütfen, merhaba, teşekkürler, teşekkür, ederim, bülten, bültenden, listeden, beni, istiyorum, e-posta, adresimi, posta,
  пожалуйста, прошу, здравствуйте, добрый, день, спасибо, меня, мой, моя, адрес, от, из, с, вашей, вашего, рассылки, рассылка, списка, хочу, больше, мне, письма, писем,
  почты, будь, ласка, прошу, дякую, мене, від, розсилки, вашої, хочу, моля, благодаря, бюлетина,
  παρακαλώ, ευχαριστώ, με, από, τη, λίστα, σας, το, newsletter, την, ενημερωτικό, δελτίο,
  お願いします, お願い致します, お願いいたします, 宜しく, よろしく, メール, メルマガ, 希望, します, してください, して下さい, ください, 下さい, を, の, 希望します, ニュースレター,
  请, 請, 谢谢, 謝謝, 邮件, 郵件, 我, 要, 您好, 你好, 的, 电子报, 電子報, 부탁드립니다, 부탁합니다, 해주세요, 합니다, 메일, 뉴스레터, 감사합니다,
  من, فضلك, رجاء, شكرا, القائمة, البريدية, النشرة, أريد, אנא, בבקשה, תודה, אותי, מרשימת, התפוצה, מהרשימה, xin, vui, lòng, cảm, ơn, tolong, mohon, terima, kasih,
  คะ, ค่ะ, ครับ, กรุณา, तुम, कृपया, si, us, plau, gràcies
`);

/** Denials and returns: beside a clear word they may turn its meaning round. */
export const contrary: readonly string[] = words(`
  not, don't, dont, do not, never, no longer want to unsubscribe, by mistake, accident, accidentally, mistake, mistakenly, resubscribe, re-subscribe, subscribe again,
  undo, keep me, stay, cannot, can't, nicht, kein, versehentlich, irrtümlich, wieder anmelden, bleiben, ne pas, pas me, par erreur, réabonner, réinscrire,
  no quiero darme, no me den, por error, não me, por engano, non voglio essere, per errore, niet, per ongeluk, inte, ikke, älä, älkää, nie chcę, nie wypisuj, omylem, ne chci,
  nem akarok, véletlenül, nu vreau, din greșeală, yanlışlıkla, istemiyorum, не хочу отписываться, не отписывайте, ошибке, не хочу, не відписуйте, помилково,
  しないで, 間違え, 不要取消, 不要退订, 误, 誤, 하지 마, 실수, لا أريد, בטעות, לא
`);

/** Answers to a question that was asked in our confirmation mail. */
export const yesWords: readonly string[] = words(`
  yes, yes please, ok, okay, confirm, confirmed, i confirm, i agree, agreed, ja, ja bitte, bestätigt, ich bestätige, bestätige, oui, je confirme, confirmé, sí, si, confirmo,
  sim, confirmado, sì, confermo, confermato, ja graag, bevestigd, ik bevestig, bekräftar, jag bekräftar, ja tak, bekræfter, ja takk, bekrefter, kyllä, vahvistan, tak,
  potwierdzam, ano, potvrzuji, áno, potvrdzujem, igen, megerősítem, da, confirm da, evet, onaylıyorum, да, подтверждаю, так, підтверджую, ναι, επιβεβαιώνω,
  はい, 確認しました, 是, 是的, 确认, 確認, 네, 예, 확인, نعم, אכן, כן, có, ya, ใช่
`);

function words(text: string): readonly string[] {
  return text
    .split(",")
    .map((entry) => entry.replace(/\s+/g, " ").trim().normalize("NFKC").toLowerCase())
    .filter((entry) => entry !== "");
}
