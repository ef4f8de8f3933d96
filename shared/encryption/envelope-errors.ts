import { MailweirError } from "../errors.ts";

/** The metadata contradict themselves, or a part is missing or not what it must be: broken or tampered with. */
export class EnvelopeMalformedError extends MailweirError {
  readonly code = "ERR_ENVELOPE_MALFORMED";
  readonly retryable = false;
  constructor(what: string, options?: ErrorOptions) {
    super(`${what}, so compare the object's metadata with what its writer stored, or fetch the object again`, options);
  }
}

/** A sound envelope of a kind that is not opened here: it needs a secret that no key service has, or is unknown. */
export class EnvelopeUnsupportedError extends MailweirError {
  readonly code = "ERR_ENVELOPE_UNSUPPORTED";
  readonly retryable = false;
  constructor(what: string) {
    super(`${what}, so open it with the S3 encryption client that wrote it, or write it again under a KMS key`);
  }
}

/** CBC has no tag: whoever can write to the bucket can change what is read. */
export class EnvelopeUnauthenticatedError extends MailweirError {
  readonly code = "ERR_ENVELOPE_UNAUTHENTICATED";
  readonly retryable = false;
  constructor() {
    super(
      "The object is encrypted with AES/CBC, which proves nothing about who wrote it, so write it again with AES/GCM, or accept such objects by name (accept.unauthenticated) if only trusted writers reach the bucket",
    );
  }
}

/** The policy asks for key commitment (format V3) and the object has none. */
export class EnvelopeUncommittedError extends MailweirError {
  readonly code = "ERR_ENVELOPE_UNCOMMITTED";
  readonly retryable = false;
  constructor() {
    super(
      "The object's key is not committed to (format V2) but the policy asks for it, so write it again in format V3 or set accept.uncommitted",
    );
  }
}

/** The policy asks for encryption and the object carries no envelope, or somebody removed it. */
export class ObjectNotEncryptedError extends MailweirError {
  readonly code = "ERR_OBJECT_NOT_ENCRYPTED";
  readonly retryable = false;
  constructor() {
    super(
      "The object carries no encryption envelope but the policy asks for one, so check the rule's KmsKeyArn, or set accept.plain",
    );
  }
}

/** A whole, valid object that belongs somewhere else: another account's, or copied over from another message. */
export class EnvelopeContextError extends MailweirError {
  readonly code = "ERR_ENVELOPE_CONTEXT";
  readonly retryable = false;
  constructor(member: string) {
    super(
      `The object was not encrypted for this place (its encryption context says otherwise about ${member}), so find out who copied it here`,
    );
  }
}

/** The tag (GCM) or the padding (CBC) is wrong. Nothing was released. */
export class BodyNotAuthenticError extends MailweirError {
  readonly code = "ERR_BODY_NOT_AUTHENTIC";
  readonly retryable = false;
  constructor(what: string, options?: ErrorOptions) {
    super(`${what}, so the object was changed or damaged after it was written: restore an earlier version`, options);
  }
}

/** The data key opens, but the object was made with another one (format V3). */
export class KeyCommitmentError extends MailweirError {
  readonly code = "ERR_KEY_COMMITMENT";
  readonly retryable = false;
  constructor() {
    super(
      "The data key is not the one the object commits to: the instruction file or the metadata were exchanged, so restore them",
    );
  }
}

/** Too few or too many octets. Retryable when the transfer is to blame, not the object. */
export class BodyLengthError extends MailweirError {
  readonly code = "ERR_BODY_LENGTH";
  readonly retryable: boolean;
  constructor(what: string, cause: "transfer" | "object") {
    super(
      `${what}, so ${cause === "transfer" ? "fetch again" : "it was cut or its metadata changed: restore"} the object`,
    );
    this.retryable = cause === "transfer";
  }
}

/** Nothing is handed out before all of it is authentic, so all of it must fit. */
export class BodyTooLargeError extends MailweirError {
  readonly code = "ERR_BODY_TOO_LARGE";
  readonly retryable = false;
  constructor(sizeBytes: number, maxBytes: number) {
    super(`The object has ${sizeBytes} octets, more than the limit of ${maxBytes}, so raise maxBytes if it is mail`);
  }
}
