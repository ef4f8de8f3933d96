import type { CompiledTemplate } from "../check-template.ts";

export interface ResourceChange {
  readonly kind: "added" | "removed" | "changed";
  readonly logicalId: string;
  readonly type: string;
}

/** What differs between two templates, by logical id. Order of keys does not count. */
export function resourceChanges(
  before: CompiledTemplate | undefined,
  after: CompiledTemplate,
): readonly ResourceChange[] {
  const old = before?.Resources ?? {};
  const changes: ResourceChange[] = [];
  for (const [logicalId, resource] of Object.entries(after.Resources)) {
    const was = old[logicalId];
    if (!was) changes.push({ kind: "added", logicalId, type: resource.Type });
    else if (inOrder(was) !== inOrder(resource)) changes.push({ kind: "changed", logicalId, type: resource.Type });
  }
  for (const [logicalId, { Type }] of Object.entries(old)) {
    if (!after.Resources[logicalId]) changes.push({ kind: "removed", logicalId, type: Type });
  }
  return changes;
}

function inOrder(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** `12 added (AWS::SQS::Queue 4, …)`: enough to see what a deployment is about. */
export function resourceSummary(changes: readonly ResourceChange[]): readonly string[] {
  return (["added", "changed", "removed"] as const).flatMap((kind) => {
    const some = changes.filter((change) => change.kind === kind);
    if (some.length === 0) return [];
    const byType = Map.groupBy(some, ({ type }) => type);
    const types = [...byType]
      .sort(([, a], [, b]) => b.length - a.length)
      .map(([type, of]) => `${type.replace("AWS::", "")} ${of.length}`);
    return [`${some.length} ${kind}: ${types.join(", ")}`];
  });
}
