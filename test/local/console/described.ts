import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { openApi } from "../../../local/console/openapi.ts";

type Json = Readonly<Record<string, unknown>>;

interface Described {
  readonly method: string;
  readonly pattern: RegExp;
  readonly path: string;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Json }>> }>
  >;
}

let known: { readonly operations: readonly Described[]; readonly ajv: Ajv2020 } | undefined;
const compiled = new Map<string, ValidateFunction>();

/** Members that are not described are wrong here; a reader has to take them. */
function describedApi() {
  if (known) return known;
  const document = openApi({ strict: true }) as unknown as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Described["responses"] }>>>>;
    readonly components: { readonly responses: { readonly Problem: Described["responses"][string] } };
  };
  const { Problem } = document.components.responses;
  known = {
    ajv: new Ajv2020({ strict: false, allErrors: true }),
    operations: Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { responses }]) => ({
        method,
        path,
        pattern: new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}$`),
        responses: Object.fromEntries(
          Object.entries(responses).map(([status, answer]) => [status, "$ref" in answer ? Problem : answer]),
        ),
      })),
    ),
  };
  return known;
}

/**
 * Compares an answer of the API with its description.
 *
 * @throws {Error} the request, the status, the content type or the shape is not described
 */
export async function checkDescribed(method: string, path: string, response: Response): Promise<void> {
  const { pathname } = new URL(path, "http://localhost");
  if (!pathname.startsWith("/api/")) return;
  const { operations, ajv } = describedApi();
  // The more literal one first: /suppressions/check before /suppressions/{x}.
  const operation = operations
    .filter((one) => one.method === method.toLowerCase() && one.pattern.test(pathname))
    .sort((a, b) => a.path.split("{").length - b.path.split("{").length)[0];
  const where = `${method} ${pathname} → ${response.status}`;
  if (!operation) {
    if (response.status === 404 || response.status === 403) return;
    throw new Error(`${where}: no such request is described in openapi-operations.ts`);
  }
  const answer = operation.responses[String(response.status)];
  // `default` is what the store says when it cannot: that is not for a request that went its usual way.
  if (!answer) throw new Error(`${where}: this status is not described for ${operation.path}`);
  const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
  const content = answer.content?.[type];
  if (!content) throw new Error(`${where}: the description knows no ${type}`);
  if (!content.schema) return;
  const key = `${operation.method} ${operation.path} ${response.status}`;
  let validate = compiled.get(key);
  if (!validate) {
    validate = ajv.compile(content.schema);
    compiled.set(key, validate);
  }
  const body: unknown = await response.clone().json();
  if (!validate(body)) {
    throw new Error(`${where}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(body).slice(0, 1_000)}`);
  }
}
