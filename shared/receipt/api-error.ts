/** A refusal in the words of the SES API (ses-receiving.md §9.3): error code and message as a client reads them. */
export interface ApiError {
  readonly code:
    | "ValidationError"
    | "InvalidParameterValue"
    | "LimitExceeded"
    | "AlreadyExists"
    | "CannotDelete"
    | "RuleSetDoesNotExist"
    | "RuleDoesNotExist"
    | "InvalidS3Configuration"
    | "InvalidSnsTopic"
    | "InvalidLambdaFunction";
  readonly message: string;
  /** Where in the rule the fault is: `recipients[2]`, `actions[0].bucketName`; absent when the whole is meant. */
  readonly at?: string;
}
