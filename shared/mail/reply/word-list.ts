/** Splits a table of words, written "one | two words | three" over as many lines as it takes. */
export function wordList(table: string): readonly string[] {
  return table
    .split("|")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}
