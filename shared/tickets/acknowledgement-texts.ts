/** What a person reads when their mail became a ticket. `{{ticket}}` is its number. */
export interface AcknowledgementText {
  readonly text: string;
}

// One sentence that says it arrived, one that says how to go on. Nothing of the mail itself: whoever forges an address
// must not be able to send words of their own through us.
export const acknowledgementTexts: Readonly<Record<string, AcknowledgementText>> = {
  en: {
    text: "We have received your message and opened ticket {{ticket}} for it.\n\nTo add something, simply answer this mail.\n",
  },
  de: {
    text: "Ihre Nachricht ist bei uns angekommen; sie hat die Ticketnummer {{ticket}}.\n\nUm etwas zu ergänzen, antworten Sie einfach auf diese Mail.\n",
  },
  fr: {
    text: "Nous avons bien reçu votre message ; il porte le numéro de ticket {{ticket}}.\n\nPour ajouter quelque chose, répondez simplement à ce courriel.\n",
  },
  es: {
    text: "Hemos recibido su mensaje y le hemos asignado el ticket {{ticket}}.\n\nPara añadir algo, responda simplemente a este correo.\n",
  },
  it: {
    text: "Abbiamo ricevuto il suo messaggio e aperto il ticket {{ticket}}.\n\nPer aggiungere qualcosa, risponda semplicemente a questa e-mail.\n",
  },
  pt: {
    text: "Recebemos a sua mensagem e abrimos o ticket {{ticket}}.\n\nPara acrescentar algo, basta responder a este e-mail.\n",
  },
  nl: {
    text: "We hebben uw bericht ontvangen; het ticketnummer is {{ticket}}.\n\nWilt u iets toevoegen? Beantwoord dan gewoon deze e-mail.\n",
  },
  pl: {
    text: "Otrzymaliśmy Państwa wiadomość; numer zgłoszenia to {{ticket}}.\n\nAby coś dodać, wystarczy odpowiedzieć na tę wiadomość.\n",
  },
  sv: {
    text: "Vi har tagit emot ditt meddelande. Ärendenumret är {{ticket}}.\n\nSvara på det här mejlet om du vill lägga till något.\n",
  },
  ja: {
    text: "メッセージを受け取りました。受付番号は {{ticket}} です。\n\n追加のご連絡は、このメールにそのまま返信してください。\n",
  },
};

/** The text in the asked language, or in English. A configuration's own texts win, language by language. */
export function acknowledgementText(
  language: string | undefined,
  ticket: string,
  own: Readonly<Record<string, AcknowledgementText>> = {},
): { readonly language: string; readonly text: string } {
  const all = { ...acknowledgementTexts, ...own };
  const chosen = language !== undefined && Object.hasOwn(all, language) ? language : "en";
  const { text } = all[chosen] ?? { text: "" };
  return { language: chosen, text: text.replaceAll("{{ticket}}", ticket) };
}
