// The entry `mailweir/unsubscribe`: the sender's side, for any Node program from Node 20 on. It loads nothing but Node's
// own modules, and none of the rest of this package.
export { MailweirError } from "../shared/errors.ts";
export { type KeyRing, KeyRingError, type Secret, type TokenKey } from "../shared/tokens/key-ring.ts";
export type { OpenedLink } from "../shared/unsubscribe/link.ts";
export {
  createUnsubscriber,
  type Recipient,
  UnsubscribeHeaderError,
  type Unsubscriber,
  type UnsubscriberOptions,
} from "../shared/unsubscribe/sender.ts";
export type { ReadToken } from "../shared/unsubscribe/unsubscribe-token.ts";
