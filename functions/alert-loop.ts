import type { Ports } from "../shared/ports.ts";
import { count, logger } from "./stack.ts";

const alertLimit = { max: 1, windowMs: 3_600_000 } as const;

/**
 * Tells whoever runs the pipeline that machines answer each other: one error and one `MailLoopStopped` an hour for each
 * pair, not one a mail.
 *
 * @param about - what goes round, for the count; it is not logged, since it may be an address
 */
export async function alertLoop(
  { limits }: Pick<Ports, "limits">,
  { about, id, ...fields }: { readonly about: string; readonly id: string; readonly ticket?: number },
): Promise<void> {
  if (!(await limits.take(`loop alert ${about}`.slice(0, 400), id, alertLimit))) return;
  count("MailLoopStopped");
  logger.error("machines answer each other: the loop was stopped", { cause: id, ...fields });
}
