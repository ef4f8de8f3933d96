import { type Mailweir, type MailweirOptions, startKit } from "./start.ts";

// The entry `mailweir/testing`. docs/testing.md is its guide.
export type { Journey, JourneyRecipient } from "../local/console/journey.ts";
export type { InjectedResults } from "../local/play/injected.ts";
export type { Suppression, Ticket } from "../shared/ports.ts";
export type { Faults } from "./faults.ts";
export { type InjectedMail, MailRefusedError, type MailToInject } from "./injected-mail.ts";
export type { Mailweir, MailweirOptions, WebhookCall } from "./start.ts";
export type { Duration } from "./test-clock.ts";
export { TestKitError } from "./test-kit-error.ts";
export {
  type Awaited,
  type DeliveredMail,
  type EndedRecipient,
  NothingHappenedError,
  type SentMail,
} from "./waiting.ts";

/**
 * Starts an engine for a test: on free ports, in a folder of its own, with a clock that stands. Any number of them run side by
 * side.
 */
export async function startMailweir(options: MailweirOptions): Promise<Mailweir> {
  return (await startKit(options)).mailweir;
}
