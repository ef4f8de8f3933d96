import type { ResolvedConfig, StreamMatch } from "../../shared/config/types.ts";

/**
 * Whether a stream or a folder is chosen by code of the user's: a function may take any time, and a pattern as well, so that is
 * for a thread that can be ended.
 */
export function choosesByUsersCode({ streams, personal }: Pick<ResolvedConfig, "streams" | "personal">): boolean {
  return [...streams, ...personal.folders].some(({ match }) => isUsersCode(match));
}

function isUsersCode(match: StreamMatch | undefined): boolean {
  if (match === undefined) return false;
  if (typeof match === "function") return true;
  return match.recipient instanceof RegExp || match.header?.value instanceof RegExp;
}
