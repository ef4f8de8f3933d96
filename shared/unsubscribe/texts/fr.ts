import type { Texts } from "./texts.ts";

const of = (list?: string) => (list === undefined ? "nos e-mails" : `« ${list} »`);

export const fr: Texts = {
  language: "fr",
  askSubject: "Souhaitez-vous vous désinscrire ?",
  askText: ({ list, link }) =>
    [
      `Quelqu'un, peut-être vous, nous a demandé de ne plus envoyer ${of(list)} à cette adresse. Nous n'avons pas pu vérifier que c'était vous.`,
      "",
      link === undefined
        ? "Si vous le souhaitez, répondez à cet e-mail par un seul mot : oui"
        : `Si vous le souhaitez, ouvrez cette page et appuyez sur son bouton :\n${link}\n\nOu répondez à cet e-mail par un seul mot : oui`,
      "",
      "Sinon, ne faites rien : rien ne change.",
    ].join("\n"),
  doneSubject: "Vous êtes désinscrit",
  doneText: ({ list, link }) =>
    [
      `Comme vous l'avez demandé, nous n'envoyons plus ${of(list)} à cette adresse.`,
      ...(link === undefined ? [] : ["", `Si c'était une erreur, vous pouvez l'annuler ici :\n${link}`]),
    ].join("\n"),
  page: {
    title: "Se désinscrire",
    question: (list) => `Souhaitez-vous ne plus recevoir ${of(list)} ?`,
    button: "Me désinscrire",
    doneTitle: "Vous êtes désinscrit",
    done: (list) => `Nous ne vous envoyons plus ${of(list)}.`,
    backQuestion: "C'était une erreur ?",
    backButton: "Me réinscrire",
    backTitle: "Vous êtes de nouveau inscrit",
    back: (list) => `Nous vous envoyons de nouveau ${of(list)}.`,
    stillSuppressed:
      "Pour une autre raison, nous n'envoyons rien à votre adresse ; nous seuls pouvons la lever. Merci de nous écrire.",
    invalidTitle: "Ce lien ne fonctionne pas",
    invalid:
      "Il a peut-être été coupé en chemin, ou il est trop ancien. Utilisez le lien d'un e-mail plus récent, ou répondez-y.",
    busyTitle: "Un instant, s'il vous plaît",
    busy: "Cette demande a été faite trop souvent en peu de temps. Réessayez dans quelques minutes.",
  },
};
