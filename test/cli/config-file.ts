import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const defineMail = fileURLToPath(new URL("../../shared/config/define-mail.ts", import.meta.url));

/** A folder of the test's own, gone with it. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-cli-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a configuration as users do; `source` is what `defineMail` is called with, as TypeScript. */
export async function configFile(source: string, folder?: string): Promise<string> {
  const file = join(folder ?? (await temporaryFolder()), "mailweir.config.ts");
  await writeFile(
    file,
    `import { defineMail } from ${JSON.stringify(defineMail)};\nexport default defineMail(${source});\n`,
  );
  return file;
}
