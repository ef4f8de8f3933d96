import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { MailweirError } from "../../shared/errors.ts";
import { buildFunctions, overBudget } from "../build.ts";
import { type CompiledTemplate, checkTemplate } from "../check-template.ts";
import { addCompileCache, canCompileFor, lambdaUserId } from "../compile-cache.ts";
import { loadDeployment, projectFolder } from "../load-deployment.ts";

export class PackageError extends MailweirError {
  readonly code = "ERR_PACKAGE";
  readonly retryable = false;
}

// serverless.yml says so too.
const architecture = "arm64";

/** What is deployed: a template that names no account, and each function's archive. */
export interface StagePackage {
  readonly template: CompiledTemplate;
  /** By the function's name in serverless.yml. */
  readonly archives: Readonly<Record<string, Archive>>;
}

export interface Archive {
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/**
 * Bundles the functions and lets osls compile the whole template. Offline, without an account.
 *
 * @throws {BuildError} {PackageError} when osls refuses, or our own checks of the template find a fault
 */
export async function packageStage(stage: string, configFile: string): Promise<StagePackage> {
  const deployment = await loadDeployment(stage, configFile);
  const names = deployment.functions.map(({ name }) => name);
  const over = overBudget(await buildFunctions(names, { configFile, stage }));
  if (over.length > 0) {
    throw new PackageError(
      `Functions would start too slowly; nothing was created.\n${over.map((line) => `  ${line}`).join("\n")}\nLoad what few mails need with await import(…) inside the function that needs it.`,
    );
  }
  if (canCompileFor(architecture)) {
    for (const name of names) await addCompileCache(join(projectFolder, "dist", name), lambdaUserId);
  }
  const folder = await mkdtemp(join(tmpdir(), "mailweir-package-"));
  try {
    await runOsls(["package", "--stage", stage, "--package", folder], configFile);
    const text = await readFile(join(folder, "cloudformation-template-update-stack.json"), "utf8");
    const template: CompiledTemplate = JSON.parse(text);
    const faults = checkTemplate(template);
    if (faults.length > 0) {
      const lines = faults.map(({ at, problem }) => `  ${at}: ${problem}`);
      throw new PackageError(`The template is not safe to deploy; nothing was created.\n${lines.join("\n")}`);
    }
    return { template, archives: await readArchives(folder) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readArchives(folder: string): Promise<StagePackage["archives"]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".zip"));
  return Object.fromEntries(
    await Promise.all(
      files.map(async (file) => {
        const bytes = await readFile(join(folder, file));
        return [file.slice(0, -4), { bytes, sha256: createHash("sha256").update(bytes).digest("hex") }] as const;
      }),
    ),
  );
}

async function runOsls(args: readonly string[], configFile: string): Promise<void> {
  const osls = join(projectFolder, "node_modules", "osls", "bin", "serverless.js");
  // Whatever the shell says about AWS must not change what is packaged.
  const env = { ...process.env, MAILWEIR_CONFIG: resolve(configFile), SLS_TELEMETRY_DISABLED: "1", NO_COLOR: "1" };
  const child = spawn(process.execPath, [osls, ...args], {
    cwd: projectFolder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number | null>((done, fail) => {
    child.once("error", fail);
    child.once("close", done);
  }).catch((error: unknown) => {
    throw new PackageError(`osls could not be started: run npm ci in ${projectFolder}`, { cause: error });
  });
  if (code !== 0) {
    throw new PackageError(`osls could not package the stage:\n${Buffer.concat(said).toString("utf8").trim()}`);
  }
}
