import { type ComponentChildren, Fragment } from "preact";
import { safe } from "./text.ts";

export type Fact = readonly [name: string, value: ComponentChildren];

/** Names and values; those without a value are left out. */
export function Facts({ of }: { of: readonly Fact[] }) {
  const given = of.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  if (given.length === 0) return null;
  return (
    <dl>
      {given.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{typeof value === "string" ? safe(value) : value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

/** Several texts under one another; nothing when there are none. */
export function Lines({ of, code = false }: { of: readonly string[]; code?: boolean }) {
  return (
    <ul class="plain">
      {of.map((text) => (
        <li key={text}>{code ? <code>{safe(text)}</code> : safe(text)}</li>
      ))}
    </ul>
  );
}

export const lines = (of: readonly string[], code = false) => (of.length > 0 ? <Lines of={of} code={code} /> : null);
