import * as z from "zod";
import { type Operation, operations } from "./openapi-operations.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * The API as OpenAPI 3.1 describes it.
 *
 * @param options.strict - members that are not described are wrong: for our own tests. Readers must take them, since new
 * ones may come
 */
export function openApi({ strict = false }: { readonly strict?: boolean } = {}): Json {
  const schema = (type: z.ZodType, io: "input" | "output"): Json => {
    const { $schema: _, ...rest } = z.toJSONSchema(type, { io, unrepresentable: "any" }) as Record<string, unknown>;
    return rest;
  };
  const answer = (type: z.ZodType | string): Json =>
    typeof type === "string"
      ? { description: type, content: { [type]: {} } }
      : {
          description: "as described",
          content: { "application/json": { schema: schema(type, strict ? "output" : "input") } },
        };
  const describe = ({ path, summary, query = {}, body, bodyType, answers, problems = [] }: Operation): Json => ({
    summary,
    parameters: [
      ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
        ...{ name, in: "path", required: true, schema: { type: "string" } },
      })),
      ...Object.entries(query).map(([name, type]) => ({
        ...{ name, in: "query", schema: schema(type, "input") },
        ...(type.description !== undefined && { description: type.description }),
      })),
    ],
    ...(body && { requestBody: { content: { "application/json": { schema: schema(body, "input") } } } }),
    ...(bodyType !== undefined && { requestBody: { required: true, content: { [bodyType]: {} } } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, type]) => [status, answer(type)])),
      ...Object.fromEntries(
        [...problems, 403, 500]
          .filter((status) => !(status in answers))
          .map((status) => [status, { $ref: "#/components/responses/Problem" }]),
      ),
      // The engine has a name for the fault: 409 when trying again cannot help, 503 when it can.
      default: { $ref: "#/components/responses/Problem" },
    },
  });
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    const { method, path } = operation;
    paths[`/api${path}`] = {
      ...paths[`/api${path}`],
      [method]: { ...describe(operation), operationId: nameOf(operation) },
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Mailweir, the local engine",
      version: "1",
      description: "The API behind the console. Prose, who may ask, and what stays: docs/http-api.md.",
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "For what changes something: the token of engine.json" },
      },
      responses: {
        Problem: {
          description: "RFC 9457",
          content: {
            "application/problem+json": {
              schema: {
                type: "object",
                required: ["status", "detail"],
                properties: {
                  status: { type: "integer" },
                  detail: { type: "string", description: "for people: what is wrong and what to do" },
                  code: { type: "string", description: "stable, where the fault has a name" },
                  position: { type: "integer", description: "of ERR_SEARCH_SYNTAX: where, in characters" },
                  length: { type: "integer" },
                },
              },
            },
          },
        },
      },
    },
  };
}

function nameOf({ method, path }: Operation): string {
  return [method, ...path.split(/[^A-Za-z]+/).filter((part) => part !== "")]
    .map((part, index) => (index === 0 ? part : `${part.charAt(0).toUpperCase()}${part.slice(1)}`))
    .join("");
}
