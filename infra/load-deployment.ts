import { existsSync, readdirSync } from "node:fs";
import { basename, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Deployment, describeDeployment } from "./deployment.ts";

/** The project's own folder, wherever a command is run. */
export const projectFolder = fileURLToPath(new URL("..", import.meta.url));

/** Names of the folders in `functions/` that can be deployed. */
export function findHandlers(project = projectFolder): ReadonlySet<string> {
  const folders = readdirSync(resolve(project, "functions"), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  return new Set(
    folders.map(({ name }) => name).filter((name) => existsSync(resolve(project, "functions", name, "handler.ts"))),
  );
}

/**
 * The deployment of a configuration file. osls asks for its functions and its resources by themselves; the file is
 * `MAILWEIR_CONFIG`, by default `mailweir.config.ts` of the project.
 */
export async function loadDeployment(stage: string, file: string): Promise<Deployment> {
  const path = resolve(file);
  const module: { readonly default?: unknown } = await import(pathToFileURL(path).href);
  return describeDeployment(module.default, stage, { file: basename(path) });
}
