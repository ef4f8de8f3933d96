// The entry `mailweir`: what a project's mailweir.config.ts needs, and the types of what its own workers get.
export { defineMail } from "../shared/config/define-mail.ts";
export type {
  DeliveryConfig,
  LocalConfig,
  MailConfig,
  MatchInput,
  StreamConfig,
  StreamMatch,
  StreamWorker,
  WorkerTools,
} from "../shared/config/types.ts";
export { MailweirError } from "../shared/errors.ts";
export type { Judgement, Nature, Trust } from "../shared/mail/judgement.ts";
export type { ParsedMail } from "../shared/mail/parsed-mail.ts";
export type { StreamMessage } from "../shared/streams/stream-message.ts";
