import type { Texts } from "./texts.ts";

const of = (list?: string) => (list === undefined ? "all our mail" : `“${list}”`);

export const en: Texts = {
  language: "en",
  askSubject: "Do you want to unsubscribe?",
  askText: ({ list, link }) =>
    [
      `Somebody, perhaps you, asked us to send no more of ${of(list)} to this address. We could not tell whether it was you.`,
      "",
      link === undefined
        ? "If you want that, answer this mail with the one word: yes"
        : `If you want that, open this page and press its button:\n${link}\n\nOr answer this mail with the one word: yes`,
      "",
      "If not, do nothing: nothing changes.",
    ].join("\n"),
  doneSubject: "You are unsubscribed",
  doneText: ({ list, link }) =>
    [
      `You asked for it, so we send no more of ${of(list)} to this address.`,
      ...(link === undefined ? [] : ["", `If that was a mistake, you can take it back here:\n${link}`]),
    ].join("\n"),
  page: {
    title: "Unsubscribe",
    question: (list) => `Do you want to get no more of ${of(list)}?`,
    button: "Unsubscribe",
    doneTitle: "You are unsubscribed",
    done: (list) => `We send you no more of ${of(list)}.`,
    backQuestion: "Was that a mistake?",
    backButton: "Subscribe again",
    backTitle: "You are subscribed again",
    back: (list) => `We send you ${of(list)} again.`,
    stillSuppressed:
      "There is another reason why we send nothing to your address; only we can lift it. Please write to us.",
    invalidTitle: "This link does not work",
    invalid: "It may have been cut on its way, or be too old. Please use the link in a newer mail, or answer to it.",
    busyTitle: "One moment, please",
    busy: "This was asked too often in a short time. Please try again in a few minutes.",
  },
};
