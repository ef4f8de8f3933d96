// Plain JavaScript, so that the compile cache is on before the first TypeScript file: with it a thread need not load the
// type stripper (some 30 MB a thread), and starts faster.
import { enableCompileCache } from "node:module";

enableCompileCache();
await import("./worker-thread.ts");
