import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Nature } from "../shared/mail/judgement.ts";
import { removeListHeaders } from "./remove-list-headers.ts";
import type { Label } from "./score-natures.ts";
import { understandMail } from "./understand-mail.ts";

export interface Judged {
  readonly path: string;
  readonly expected: Nature;
  readonly found: Nature;
  readonly evidence: string;
  /** What the headers alone said, and whether they could decide. */
  readonly headers: { readonly found: Nature; readonly complete: boolean };
}

export interface JudgeLabelledOptions {
  readonly withoutListHeaders?: boolean;
  readonly fromSes?: boolean;
  readonly onFile?: (path: string) => void;
  /** A file that cannot be read is left out. */
  readonly onUnreadable?: (path: string, error: unknown) => void;
}

/** Judges each labelled mail of a folder; labels that say nothing about the nature are left out. */
export async function judgeLabelled(
  folder: string,
  labels: readonly Label[],
  { withoutListHeaders = false, fromSes = false, onFile, onUnreadable }: JudgeLabelledOptions = {},
): Promise<Judged[]> {
  const judged: Judged[] = [];
  for (const { path, nature } of labels) {
    if (nature === undefined) continue;
    onFile?.(path);
    let raw: Uint8Array;
    try {
      raw = await readFile(join(folder, path));
    } catch (error) {
      onUnreadable?.(path, error);
      continue;
    }
    const mail = withoutListHeaders ? removeListHeaders(raw) : raw;
    const { judgement, headerJudgement } = await understandMail(mail, { recipients: [], fromSes });
    judged.push({
      path,
      expected: nature,
      found: judgement.nature.kind,
      evidence: judgement.nature.evidence[0] ?? "",
      headers: { found: headerJudgement.nature.kind, complete: headerJudgement.complete },
    });
  }
  return judged;
}
