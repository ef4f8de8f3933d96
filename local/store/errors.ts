import { MailweirError } from "../../shared/errors.ts";

/** No room left on the data folder's disk: nothing of the batch was kept. Say 452, and try again when there is room. */
export class StorageFullError extends MailweirError {
  readonly code = "ERR_STORAGE_FULL";
  readonly retryable = true;
  constructor(folder: string, options?: ErrorOptions) {
    super(`No space left for "${folder}": nothing was written; free some disk space, receiving then goes on`, options);
  }
}

/** The disk or the file system refused a read or a write: nothing of the batch was kept. */
export class StorageFailedError extends MailweirError {
  readonly code = "ERR_STORAGE_FAILED";
  readonly retryable = true;
  constructor(folder: string, what: string, options?: ErrorOptions) {
    super(
      `Cannot read or write in "${folder}" (${what}): check the disk, its mount and the owner of the files`,
      options,
    );
  }
}

export class StoreClosedError extends MailweirError {
  readonly code = "ERR_STORE_CLOSED";
  readonly retryable = false;
  constructor(folder: string) {
    super(
      `The store in "${folder}" is closed: the engine is stopping, what was not answered will be done at the next start`,
    );
  }
}

export class StoreReadOnlyError extends MailweirError {
  readonly code = "ERR_STORE_READ_ONLY";
  readonly retryable = false;
  constructor(folder: string) {
    super(`"${folder}" was opened for reading only: start the engine to change what it keeps`);
  }
}

/** The file is a database, but of another program; or of a Mailweir newer than this one. */
export class ForeignDatabaseError extends MailweirError {
  readonly code = "ERR_FOREIGN_DATABASE";
  readonly retryable = false;
  constructor(file: string, what: string) {
    super(`"${file}" ${what}`);
  }
}

export class DataFolderError extends MailweirError {
  readonly code = "ERR_DATA_FOLDER";
  readonly retryable = false;
  constructor(folder: string, what: string, options?: ErrorOptions) {
    super(`The data folder "${folder}" ${what}`, options);
  }
}

/** What a system error about the data folder means to its owner, and what to do: for `DataFolderError`. */
export function folderTrouble(code: string | undefined): string {
  switch (code) {
    case "EEXIST":
    case "ENOTDIR":
      return "cannot be made, because a file has its name or that of a folder above it: choose another with --data";
    case "ENOENT":
      return "cannot be made where it is to be: choose another with --data";
    case "EACCES":
    case "EPERM":
      return `may not be used by this user (${code}): change its owner or mode, or choose another with --data`;
    case "EROFS":
      return "is on a file system that cannot be written (EROFS): choose another with --data";
    case "ENOSPC":
    case "EDQUOT":
      return `is on a disk that is full (${code}): free some space, or choose another with --data`;
    case "ERR_SQLITE_ERROR":
      return "cannot be written: check its owner, mode and disk, or choose another with --data";
    default:
      return `cannot be used (${code}): check its owner, mode and disk, or choose another with --data`;
  }
}

export class FolderInUseError extends MailweirError {
  readonly code = "ERR_DATA_FOLDER_IN_USE";
  readonly retryable = false;
  constructor(
    folder: string,
    owner: { readonly pid: number; readonly smtp: string; readonly http: string } | undefined,
  ) {
    const who = owner
      ? `process ${owner.pid}, SMTP ${owner.smtp}, console http://${owner.http}`
      : "it is just starting";
    super(`Another engine runs on the data folder "${folder}" (${who}): stop it, or choose another folder with --data`);
  }
}

export class UnknownQueueError extends MailweirError {
  readonly code = "ERR_UNKNOWN_QUEUE";
  readonly retryable = false;
  constructor(queue: string, known: readonly string[]) {
    super(`There is no queue "${queue}"; there are ${known.join(", ") || "none"}`);
  }
}

export class UnknownTopicError extends MailweirError {
  readonly code = "ERR_UNKNOWN_TOPIC";
  readonly retryable = false;
  constructor(topicArn: string) {
    super(`There is no topic "${topicArn}": the configuration names the topics, and a rule can only publish to those`);
  }
}

export class UnknownBucketError extends MailweirError {
  readonly code = "ERR_UNKNOWN_BUCKET";
  readonly retryable = false;
  constructor(bucket: string) {
    super(`There is no bucket "${bucket}": the configuration names the buckets, and a rule can only store in those`);
  }
}

export class UnknownMessageError extends MailweirError {
  readonly code = "ERR_UNKNOWN_MESSAGE";
  readonly retryable = false;
  constructor(sesMessageId: string) {
    super(`No message ${sesMessageId} was accepted here`);
  }
}

export class MessageExistsError extends MailweirError {
  readonly code = "ERR_MESSAGE_EXISTS";
  readonly retryable = false;
  constructor(sesMessageId: string) {
    super(`A message ${sesMessageId} was accepted before: an SES message id is never used twice`);
  }
}

export class MailboxNameError extends MailweirError {
  readonly code = "ERR_MAILBOX_NAME";
  readonly retryable = false;
  constructor(name: string) {
    super(`"${name.slice(0, 80)}" cannot name a mailbox folder: letters, digits, dot, hyphen, underscore, plus and @`);
  }
}

export class AddressKeyChangedError extends MailweirError {
  readonly code = "ERR_ADDRESS_KEY_CHANGED";
  readonly retryable = false;
  constructor() {
    super(
      "The secret that hashes addresses is not the one that the suppression list was made with, so nobody on it would be " +
        "found: set tokens.addressSecretFrom to the first key's secret (keys/tokens.key if there was no configured one)",
    );
  }
}

/** Somebody decided about a recipient while its router ran ahead of the commit: its notice goes the ordinary way. */
export class PipelineConflictError extends MailweirError {
  readonly code = "ERR_PIPELINE_CONFLICT";
  readonly retryable = true;
  constructor(sesMessageId: string) {
    super(`Somebody else has decided about message ${sesMessageId}: its router runs behind the commit`);
  }
}
