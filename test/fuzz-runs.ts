/** How often, and from which seed: fixed in the suites, and as `npm run fuzz` says in long runs. */
export function fuzzRuns(seed: number, numRuns: number): { readonly seed: number; readonly numRuns: number } {
  const of = (name: string, usual: number) => Number(process.env[name] ?? usual);
  return { seed: of("MAILWEIR_FUZZ_SEED", seed), numRuns: of("MAILWEIR_FUZZ_RUNS", numRuns) };
}
