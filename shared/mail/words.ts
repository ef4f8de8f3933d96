/** What programs and people write in many languages, upper or lower case. */
export interface Words {
  test(text: string): boolean;
  /** For any text. */
  readonly whole: RegExp;
  /** For text that is ASCII: says the same of it. */
  readonly ascii: RegExp;
}

/**
 * Both are compiled when first asked, and with Unicode's rules for case that takes twice as long, which is a good part of a function's first
 * mail. Most subjects are ASCII and do not need them.
 *
 * @param pattern - in which letters and digits are written as `[\p{L}\p{N}]`, `[^\p{L}\p{N}]` or `\p{L}`
 */
export function wordsOf(pattern: string): Words {
  const whole = new RegExp(pattern, "iu");
  const ascii = new RegExp(pattern.replaceAll("\\p{L}\\p{N}]", "a-z0-9]").replaceAll("\\p{L}", "[a-z]"), "i");
  return { whole, ascii, test: (text) => (/^[\x00-\x7f]*$/.test(text) ? ascii : whole).test(text) };
}
