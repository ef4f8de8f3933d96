import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { MailweirError } from "../errors.ts";
import { call } from "./call.ts";
import { type Connection, clientOptions } from "./connection.ts";

/** The function ran and threw, or ran out of time or memory. */
export class FunctionFailedError extends MailweirError {
  readonly code = "ERR_FUNCTION_FAILED";
  readonly retryable = true;
  constructor(functionArn: string, what: string) {
    super(`${functionArn} failed (${what}): its log in CloudWatch says why`);
  }
}

export interface Functions {
  /**
   * Waits for the function's answer, parsed.
   *
   * @throws {FunctionFailedError}
   */
  invoke(functionArn: string, payload: string): Promise<unknown>;
  /** Lambda takes the event over, with retries of its own. */
  invokeLater(functionArn: string, payload: string): Promise<void>;
}

/** @param timeoutMs - for one synchronous invocation, the function's whole run */
export function openFunctions(connection: Connection, timeoutMs: number): Functions {
  const options = clientOptions(connection);
  const client = new LambdaClient(options);
  // A synchronous invocation is not repeated by the SDK: SES's retries are the engine's business.
  const patient = new LambdaClient({
    ...options,
    maxAttempts: 1,
    requestHandler: { ...options.requestHandler, requestTimeout: timeoutMs },
  });
  return {
    async invoke(functionArn, payload) {
      const command = new InvokeCommand({
        FunctionName: functionArn,
        InvocationType: "RequestResponse",
        Payload: Buffer.from(payload),
      });
      const answer = await call(`Lambda Invoke ${functionArn}`, () => patient.send(command));
      const text = Buffer.from(answer.Payload ?? []).toString("utf8");
      if (answer.FunctionError !== undefined) throw new FunctionFailedError(functionArn, errorTypeOf(text));
      return text === "" ? undefined : (JSON.parse(text) as unknown);
    },
    async invokeLater(functionArn, payload) {
      const command = new InvokeCommand({
        FunctionName: functionArn,
        InvocationType: "Event",
        Payload: Buffer.from(payload),
      });
      await call(`Lambda Invoke ${functionArn}`, () => client.send(command));
    },
  };
}

/** Its message may hold anything; the type is a word. */
function errorTypeOf(text: string): string {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === "object" && answer !== null && "errorType" in answer) {
      const type = String(answer.errorType);
      if (/^[A-Za-z0-9_.]{1,80}$/.test(type)) return type;
    }
  } catch {
    // Said below.
  }
  return "no type was told";
}
