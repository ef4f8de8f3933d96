import type { Finding } from "../../../../shared/config/doctor/finding.ts";
import { Facts } from "../show/facts.tsx";
import { Pill } from "../show/pill.tsx";
import { safe } from "../show/text.ts";

const tones = { error: "bad", warning: "wait", note: "off" } as const;

export function FindingItem({ finding: { severity, code, at, what, why, fix } }: { finding: Finding }) {
  return (
    <li>
      <div class="head">
        <Pill state={severity} tone={tones[severity]} />
        <code>{code}</code>
        <span class="meta">{safe(at)}</span>
      </div>
      <p>{safe(what)}</p>
      <Facts
        of={[
          ["why", why],
          ["fix", fix],
        ]}
      />
    </li>
  );
}
