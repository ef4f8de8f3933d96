// Plain JavaScript, as local/invoke/thread-entry.mjs is, and for the same reason.
import { enableCompileCache } from "node:module";

enableCompileCache();
await import("./index-thread.ts");
