import { de } from "./de.ts";
import { en } from "./en.ts";
import { es } from "./es.ts";
import { fr } from "./fr.ts";
import { it } from "./it.ts";
import { nl } from "./nl.ts";

/** All that a person reads of us about unsubscribing, in one language. `list`: what people call it; absent: all mail. */
export interface Texts {
  /** BCP 47. */
  readonly language: string;
  readonly askSubject: string;
  askText(about: { readonly list?: string; readonly link?: string }): string;
  readonly doneSubject: string;
  doneText(about: { readonly list?: string; readonly link?: string }): string;
  readonly page: {
    readonly title: string;
    question(list?: string): string;
    readonly button: string;
    readonly doneTitle: string;
    done(list?: string): string;
    readonly backQuestion: string;
    readonly backButton: string;
    readonly backTitle: string;
    back(list?: string): string;
    /** Something else than the person's own request keeps mail away. */
    readonly stillSuppressed: string;
    readonly invalidTitle: string;
    readonly invalid: string;
    readonly busyTitle: string;
    readonly busy: string;
  };
}

const all: readonly Texts[] = [en, de, fr, es, it, nl];

/** The texts of that language, or English. */
export function textsFor(language: string | undefined): Texts {
  return all.find((texts) => texts.language === language) ?? en;
}

/** The best of our languages by `Accept-Language` (RFC 9110 §12.5.4). */
export function textsForHeader(header: string | undefined): Texts {
  const wanted = (header ?? "")
    .slice(0, 500)
    .split(",")
    .map((entry) => {
      const [tag = "", ...parameters] = entry.trim().split(";");
      const quality = /^\s*q=(\d(?:\.\d{1,3})?)\s*$/.exec(parameters.at(-1) ?? "")?.[1];
      return {
        language: tag.trim().toLowerCase().split("-")[0] ?? "",
        quality: quality === undefined ? 1 : Number(quality),
      };
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
  for (const { language } of wanted) {
    const texts = all.find((candidate) => candidate.language === language);
    if (texts) return texts;
  }
  return en;
}
