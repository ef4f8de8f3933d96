import { existsSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Context } from "aws-lambda";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { MailweirError } from "../../shared/errors.ts";
import type { Ports } from "../../shared/ports.ts";

export type Handler = (event: unknown, context: Context) => Promise<unknown>;

export class UnknownFunctionError extends MailweirError {
  readonly code = "ERR_UNKNOWN_FUNCTION";
  readonly retryable = false;
}

/**
 * Builds a handler on the given ports: `functions/<name>/work.ts` of the pipeline inside the stack that all functions
 * share, or a module of `local.functions` that exports `handler`, as it would on Lambda.
 *
 * @throws {UnknownFunctionError} when neither knows the name
 */
export async function loadFunction(name: string, ports: Ports, config: ResolvedConfig): Promise<Handler> {
  const own = config.local.functions[name];
  if (own !== undefined) return loadOwn(name, own);
  const work = await loadWork(name);
  const { withStack } = await import("../../functions/stack.ts");
  return withStack(work(ports, config));
}

export type PipelineWork = (ports: Ports, config: ResolvedConfig) => Handler;

/**
 * What a function of the pipeline does, without the stack around it.
 *
 * @throws {UnknownFunctionError}
 */
export async function loadWork(name: string): Promise<PipelineWork> {
  // The same file in another language: work.ts here is work.js in the package.
  const file = new URL(`../../functions/${encodeURIComponent(name)}/work${extname(import.meta.url)}`, import.meta.url);
  if (!existsSync(file)) {
    throw new UnknownFunctionError(
      `There is no function "${name}": name its module in local.functions, for example  { ${JSON.stringify(name)}: "./my-function.ts" }`,
    );
  }
  return ((await import(file.href)) as { readonly work: PipelineWork }).work;
}

async function loadOwn(name: string, path: string): Promise<Handler> {
  const module = (await import(pathToFileURL(resolve(path)).href)) as { readonly handler?: unknown };
  if (typeof module.handler !== "function") {
    throw new UnknownFunctionError(`${path} exports no handler, so "${name}" cannot be called`);
  }
  return module.handler as Handler;
}
