import type { Texts } from "./texts.ts";

const of = (list?: string) => (list === undefined ? "onze e-mails" : `“${list}”`);

export const nl: Texts = {
  language: "nl",
  askSubject: "Wilt u zich afmelden?",
  askText: ({ list, link }) =>
    [
      `Iemand, misschien uzelf, vroeg ons om ${of(list)} niet meer naar dit adres te sturen. Of u dat was, konden wij niet nagaan.`,
      "",
      link === undefined
        ? "Wilt u dat, beantwoord deze e-mail dan met één woord: ja"
        : `Wilt u dat, open dan deze pagina en druk op de knop:\n${link}\n\nOf beantwoord deze e-mail met één woord: ja`,
      "",
      "Zo niet, doe dan niets: er verandert niets.",
    ].join("\n"),
  doneSubject: "U bent afgemeld",
  doneText: ({ list, link }) =>
    [
      `Zoals gevraagd sturen wij ${of(list)} niet meer naar dit adres.`,
      ...(link === undefined ? [] : ["", `Was dat een vergissing, dan kunt u het hier ongedaan maken:\n${link}`]),
    ].join("\n"),
  page: {
    title: "Afmelden",
    question: (list) => `Wilt u ${of(list)} niet meer ontvangen?`,
    button: "Afmelden",
    doneTitle: "U bent afgemeld",
    done: (list) => `Wij sturen u ${of(list)} niet meer.`,
    backQuestion: "Was dat een vergissing?",
    backButton: "Weer aanmelden",
    backTitle: "U bent weer aangemeld",
    back: (list) => `Wij sturen u ${of(list)} weer.`,
    stillSuppressed:
      "Om een andere reden sturen wij niets naar uw adres; alleen wij kunnen dat opheffen. Schrijf ons alstublieft.",
    invalidTitle: "Deze link werkt niet",
    invalid:
      "Misschien werd hij onderweg afgekapt, of is hij te oud. Gebruik de link uit een nieuwere e-mail, of beantwoord die.",
    busyTitle: "Een ogenblik alstublieft",
    busy: "Dit werd in korte tijd te vaak gevraagd. Probeer het over een paar minuten nog eens.",
  },
};
