import type { Texts } from "./texts.ts";

const of = (list?: string) => (list === undefined ? "keine Mails" : `„${list}“ nicht`);

export const de: Texts = {
  language: "de",
  askSubject: "Möchten Sie sich abmelden?",
  askText: ({ list, link }) =>
    [
      `Jemand, vielleicht Sie, hat uns gebeten, ${of(list)} mehr an diese Adresse zu senden. Ob Sie das waren, konnten wir nicht feststellen.`,
      "",
      link === undefined
        ? "Wenn Sie das möchten, antworten Sie auf diese Mail mit dem einen Wort: ja"
        : `Wenn Sie das möchten, öffnen Sie diese Seite und drücken dort auf den Knopf:\n${link}\n\nOder antworten Sie auf diese Mail mit dem einen Wort: ja`,
      "",
      "Wenn nicht, brauchen Sie nichts zu tun: Es ändert sich nichts.",
    ].join("\n"),
  doneSubject: "Sie sind abgemeldet",
  doneText: ({ list, link }) =>
    [
      `Wie gewünscht, senden wir ${of(list)} mehr an diese Adresse.`,
      ...(link === undefined ? [] : ["", `Wenn das ein Versehen war, können Sie es hier rückgängig machen:\n${link}`]),
    ].join("\n"),
  page: {
    title: "Abmelden",
    question: (list) => `Möchten Sie ${of(list)} mehr bekommen?`,
    button: "Abmelden",
    doneTitle: "Sie sind abgemeldet",
    done: (list) => `Wir senden Ihnen ${of(list)} mehr.`,
    backQuestion: "War das ein Versehen?",
    backButton: "Wieder anmelden",
    backTitle: "Sie sind wieder angemeldet",
    back: (list) => (list === undefined ? "Wir senden Ihnen wieder Mails." : `Wir senden Ihnen „${list}“ wieder.`),
    stillSuppressed:
      "Aus einem anderen Grund senden wir nichts an Ihre Adresse; den können nur wir aufheben. Bitte schreiben Sie uns.",
    invalidTitle: "Dieser Link funktioniert nicht",
    invalid:
      "Vielleicht wurde er unterwegs abgeschnitten, oder er ist zu alt. Bitte nehmen Sie den Link aus einer neueren Mail, oder antworten Sie darauf.",
    busyTitle: "Einen Augenblick bitte",
    busy: "Das wurde in kurzer Zeit zu oft verlangt. Bitte versuchen Sie es in ein paar Minuten noch einmal.",
  },
};
