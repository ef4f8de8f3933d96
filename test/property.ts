import fc from "fast-check";

// A suite that draws other cases each time fails for nobody who could repeat it. This variable draws others.
fc.configureGlobal({ seed: Number(process.env["MAILWEIR_FUZZ_SEED"] ?? 20_261_124) });

/** fast-check with the suites' seed. */
export { fc };
