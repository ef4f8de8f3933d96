import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../load-deployment.ts";

const begin = "<!-- generated: npx mailweir cost --document -->\n";
const end = "<!-- /generated -->\n";

/** docs/cost.md with the tables that the command prints, and as it is. */
export function costDocument(): { readonly written: string; readonly printed: string; readonly path: string } {
  const path = join(projectFolder, "docs", "cost.md");
  const written = readFileSync(path, "utf8");
  const tables = execFileSync(process.execPath, [join(projectFolder, "cli", "mailweir.mjs"), "cost", "--document"], {
    encoding: "utf8",
    cwd: projectFolder,
  });
  const before = written.slice(0, written.indexOf(begin) + begin.length);
  const after = written.slice(written.indexOf(end));
  return { written, printed: `${before}\n${tables}\n${after}`, path };
}

// `node infra/cost/document.ts`: writes it.
if (import.meta.main) {
  const { printed, path } = costDocument();
  writeFileSync(path, printed);
}
