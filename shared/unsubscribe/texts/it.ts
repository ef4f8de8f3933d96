import type { Texts } from "./texts.ts";

const of = (list?: string) => (list === undefined ? "le nostre e-mail" : `«${list}»`);

export const it: Texts = {
  language: "it",
  askSubject: "Vuole annullare l'iscrizione?",
  askText: ({ list, link }) =>
    [
      `Qualcuno, forse Lei, ci ha chiesto di non inviare più ${of(list)} a questo indirizzo. Non abbiamo potuto capire se fosse Lei.`,
      "",
      link === undefined
        ? "Se lo desidera, risponda a questa e-mail con una sola parola: sì"
        : `Se lo desidera, apra questa pagina e prema il pulsante:\n${link}\n\nOppure risponda a questa e-mail con una sola parola: sì`,
      "",
      "Altrimenti non faccia nulla: non cambia niente.",
    ].join("\n"),
  doneSubject: "L'iscrizione è annullata",
  doneText: ({ list, link }) =>
    [
      `Come richiesto, non inviamo più ${of(list)} a questo indirizzo.`,
      ...(link === undefined ? [] : ["", `Se è stato un errore, può rimediare qui:\n${link}`]),
    ].join("\n"),
  page: {
    title: "Annulla iscrizione",
    question: (list) => `Vuole non ricevere più ${of(list)}?`,
    button: "Annulla iscrizione",
    doneTitle: "L'iscrizione è annullata",
    done: (list) => `Non Le inviamo più ${of(list)}.`,
    backQuestion: "È stato un errore?",
    backButton: "Iscrivimi di nuovo",
    backTitle: "È di nuovo iscritto",
    back: (list) => `Le inviamo di nuovo ${of(list)}.`,
    stillSuppressed:
      "Per un altro motivo non inviamo nulla al Suo indirizzo; solo noi possiamo rimuoverlo. Ci scriva, per favore.",
    invalidTitle: "Questo link non funziona",
    invalid:
      "Forse è stato tagliato per strada, o è troppo vecchio. Usi il link di un'e-mail più recente, oppure vi risponda.",
    busyTitle: "Un momento, per favore",
    busy: "È stato richiesto troppe volte in poco tempo. Riprovi tra qualche minuto.",
  },
};
