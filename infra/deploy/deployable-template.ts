import type { CompiledTemplate } from "../check-template.ts";
import type { Archive } from "./package-stage.ts";

export interface DeployableOptions {
  readonly accountId: string;
  readonly artifactBucket: string;
  readonly prefix: string;
  readonly archives: Readonly<Record<string, Archive>>;
  /** Resource types that the endpoint does not know. */
  readonly leaveOut: (type: string) => boolean;
}

type Resource = CompiledTemplate["Resources"][string];

/**
 * The template as CloudFormation gets it: code by the hash of its archive, so that what did not change is not deployed
 * again; with the account's id written out, since CloudFormation takes over what is there only by literal names; without
 * the bucket that osls would make for itself; and without what an emulator does not know.
 *
 * @returns the template, and the logical ids that were left out
 */
export function deployableTemplate(
  { Resources, Outputs = {}, ...rest }: CompiledTemplate,
  { accountId, artifactBucket, prefix, archives, leaveOut }: DeployableOptions,
): { readonly template: CompiledTemplate; readonly leftOut: readonly string[] } {
  const dropped = new Map(
    Object.entries(Resources).filter(([id, { Type }]) => id.startsWith("ServerlessDeploymentBucket") || leaveOut(Type)),
  );
  const resources = Object.entries(Resources)
    .filter(([id]) => !dropped.has(id))
    .map(([id, resource]): [string, Resource] => [
      id,
      withAccount(withoutReferences(withCode(resource, artifactBucket, prefix, archives), dropped), accountId),
    ]);
  const outputs = Object.entries(Outputs).filter(([, output]) => !refersTo(output, dropped));
  return {
    template: { ...rest, Resources: Object.fromEntries(resources), Outputs: Object.fromEntries(outputs) },
    leftOut: [...dropped.keys()].filter((id) => !id.startsWith("ServerlessDeploymentBucket")),
  };
}

/** Where an archive lies in the artifact bucket. */
export function archiveKey(prefix: string, functionName: string, { sha256 }: Archive): string {
  return `${prefix}/${functionName}-${sha256.slice(0, 24)}.zip`;
}

function withCode(
  resource: Resource,
  bucket: string,
  prefix: string,
  archives: DeployableOptions["archives"],
): Resource {
  if (resource.Type !== "AWS::Lambda::Function") return resource;
  const code: unknown = resource.Properties?.["Code"];
  const oldKey = typeof code === "object" && code !== null && "S3Key" in code ? String(code.S3Key) : "";
  const name = oldKey.slice(oldKey.lastIndexOf("/") + 1).replace(/\.zip$/, "");
  const archive = archives[name];
  if (!archive) return resource;
  return {
    ...resource,
    Properties: { ...resource.Properties, Code: { S3Bucket: bucket, S3Key: archiveKey(prefix, name, archive) } },
  };
}

/** `Fn::Sub` of nothing but the account's id becomes text. */
function withAccount(resource: Resource, accountId: string): Resource {
  const written = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(written);
    if (typeof value !== "object" || value === null) return value;
    if ("Fn::Sub" in value && typeof value["Fn::Sub"] === "string") {
      const text = value["Fn::Sub"].replaceAll("${AWS::AccountId}", accountId);
      return text.includes("${") ? { "Fn::Sub": text } : text;
    }
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, written(inner)]));
  };
  const { Properties } = resource;
  if (Properties === undefined) return resource;
  return {
    ...resource,
    Properties: Object.fromEntries(Object.entries(Properties).map(([key, value]) => [key, written(value)])),
  };
}

/** A reference to what is left out becomes the name it would have had. */
function withoutReferences(resource: Resource, dropped: ReadonlyMap<string, Resource>): Resource {
  if (dropped.size === 0) return resource;
  const nameOf = (id: string) => {
    const properties = dropped.get(id)?.Properties ?? {};
    const name = Object.entries(properties).find(([key, value]) => /Name$/.test(key) && typeof value === "string");
    return typeof name?.[1] === "string" ? name[1] : id;
  };
  const replaced = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replaced);
    if (typeof value !== "object" || value === null) return value;
    if ("Ref" in value && typeof value.Ref === "string" && dropped.has(value.Ref)) return nameOf(value.Ref);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaced(inner)]));
  };
  const { DependsOn, Properties, ...rest } = resource;
  const after = [DependsOn ?? []].flat().filter((id) => !dropped.has(id));
  return {
    ...rest,
    ...(Properties !== undefined && {
      Properties: Object.fromEntries(Object.entries(Properties).map(([key, value]) => [key, replaced(value)])),
    }),
    ...(after.length > 0 && { DependsOn: after }),
  };
}

function refersTo(value: unknown, ids: ReadonlyMap<string, unknown>): boolean {
  const text = JSON.stringify(value) ?? "";
  return [...ids.keys()].some((id) => text.includes(`"${id}"`) || text.includes(`\${${id}`));
}
