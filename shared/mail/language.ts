import { type Header, headerValue } from "./headers.ts";

// Short words that mark a language and hardly occur in its neighbours.
const words: Readonly<Record<string, string>> = {
  en: "the and you your please not have this with what from would thanks hello for is are was of to",
  de: "der die das und ist nicht ich sie bitte mit mein meine haben von auch danke hallo für eine wir",
  fr: "le la les et est vous je pas merci bonjour pour mon avec une votre des nous dans sur être",
  es: "el los las es no por favor gracias hola mi con una para usted que del está como pero muy",
  it: "il gli non per favore grazie ciao mio con una che del della sono buongiorno anche vostro è questo lo",
  pt: "não obrigado obrigada olá meu com uma para você que do da os as por favor está mais sua então",
  nl: "het een niet ik u alstublieft bedankt hallo mijn met van en voor dat deze zijn naar wij graag",
  pl: "nie jest proszę dziękuję dzień dobry mój z i w na się do że ale czy jak mam pan pani",
  sv: "och inte jag du tack hej min med en att det är för från på vänligen kan har ni",
  da: "og ikke jeg du tak hej min med en at det er til fra på venligst kan har af",
  nb: "og ikke jeg du takk hei min med en at det er til fra på vennligst kan har av",
  fi: "ja ei minä sinä kiitos hei minun on että se tämä voi ole mutta kun jos ystävällisesti olen olisi ovat",
  cs: "není prosím děkuji dobrý den můj s a v na se že ale jak mám jsem pro od by jste",
  tr: "ve bir bu için değil lütfen teşekkürler merhaba benim ile çok ama var yok ne nasıl size olarak daha siz",
  ro: "și nu este vă rog mulțumesc bună meu cu o pentru că din sunt la pe mai care dumneavoastră ați",
  hu: "és nem az egy kérem köszönöm van hogy ez de már csak meg is volt szeretném önök üdvözlettel jó napot",
};
const languageOf = new Map<string, string[]>();
for (const [language, list] of Object.entries(words)) {
  for (const word of list.split(" ")) languageOf.set(word, [...(languageOf.get(word) ?? []), language]);
}

// Scripts that one language above all is written in. Kana before Han: Japanese has both.
const scripts: readonly (readonly [RegExp, string])[] = [
  [/\p{Script=Hiragana}|\p{Script=Katakana}/gu, "ja"],
  [/\p{Script=Hangul}/gu, "ko"],
  [/\p{Script=Han}/gu, "zh"],
  [/[іїєґ]/giu, "uk"],
  [/\p{Script=Cyrillic}/gu, "ru"],
  [/\p{Script=Greek}/gu, "el"],
  [/\p{Script=Hebrew}/gu, "he"],
  [/\p{Script=Arabic}/gu, "ar"],
  [/\p{Script=Thai}/gu, "th"],
];

// What is read of a mail: the author's first words tell.
const maxCharacters = 4000;

/**
 * The language that a person wrote in, as far as it can be told: BCP 47, two letters. The words decide where there are
 * enough of them; then `Content-Language` (RFC 3282), which programs often set to their own.
 *
 * @param text - the author's own words, without quotes
 */
export function languageOfMail(text: string, headers: readonly Header[] = []): string | undefined {
  const part = text.slice(0, maxCharacters);
  return byScript(part) ?? byWords(part) ?? declared(headers);
}

function byScript(text: string): string | undefined {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  if (letters === 0) return undefined;
  for (const [script, language] of scripts) {
    const share = (text.match(script)?.length ?? 0) / letters;
    // Ukrainian has a few letters of its own among many shared ones; a Japanese text is half Han.
    if (share > (language === "uk" ? 0.02 : language === "ja" ? 0.1 : 0.4)) return language;
  }
  return undefined;
}

function byWords(text: string): string | undefined {
  const scores = new Map<string, number>();
  for (const [word] of text.toLowerCase().matchAll(/\p{L}+/gu)) {
    const languages = languageOf.get(word);
    // A word of three languages says a third for each.
    for (const language of languages ?? []) {
      scores.set(language, (scores.get(language) ?? 0) + 1 / (languages?.length ?? 1));
    }
  }
  const [first, second] = [...scores].sort(([, a], [, b]) => b - a);
  if (first === undefined || first[1] < 1.5) return undefined;
  return second === undefined || first[1] > second[1] ? first[0] : undefined;
}

function declared(headers: readonly Header[]): string | undefined {
  const value = headerValue(headers, "Content-Language") ?? "";
  return /^\s*([a-z]{2})(?:-[a-z0-9-]+)?\s*(?:,|$)/i.exec(value)?.[1]?.toLowerCase();
}
