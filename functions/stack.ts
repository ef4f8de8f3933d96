import { AsyncLocalStorage } from "node:async_hooks";
import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { logMetrics } from "@aws-lambda-powertools/metrics/middleware";
import middy, { type MiddlewareObj } from "@middy/core";
import type { Context } from "aws-lambda";

// The stage's name on AWS, where several live in one account and each has alarms of its own; read once, at cold start.
const serviceName = process.env["POWERTOOLS_SERVICE_NAME"] ?? "mailweir";

type Fields = Readonly<Record<string, unknown>>;

/** Takes the lines of whatever runs inside, where stdout belongs to somebody else: a function in the engine's own thread. */
export const logLines = new AsyncLocalStorage<
  (level: "INFO" | "WARN" | "ERROR", message: string, fields: Fields) => void
>();

const stdout = new Logger({ serviceName });
const say =
  (level: "INFO" | "WARN" | "ERROR", print: "info" | "warn" | "error") =>
  (message: string, fields: Fields = {}): void => {
    const take = logLines.getStore();
    if (take) take(level, message, fields);
    else stdout[print](message, fields);
  };

/** One line per decision, constant message, fields for the rest. Never a body, a subject or a secret. */
export const logger = {
  debug: (message: string, fields: Fields = {}): void => {
    if (!logLines.getStore()) stdout.debug(message, fields);
  },
  info: say("INFO", "info"),
  warn: say("WARN", "warn"),
  error: say("ERROR", "error"),
  setLogLevel: (level: "DEBUG" | "INFO" | "WARN" | "ERROR" | "SILENT"): void => stdout.setLogLevel(level),
};

const noLog = () => undefined;
export const metrics = new Metrics({
  namespace: "Mailweir",
  serviceName,
  // It would warn at every call that has nothing to count, in a log that is paid by its length.
  logger: { debug: noLog, info: noLog, warn: noLog, error: noLog },
});

// Metrics are CloudWatch's business; on one machine the console counts. Lambda sets this name; read once, at cold start.
const onLambda = process.env["AWS_LAMBDA_FUNCTION_NAME"] !== undefined;

/** Adds one to a metric that alarms and the dashboard look at. */
export function count(
  name:
    | "ForwardsBounce"
    | "MailRouted"
    | "MailRoutedLate"
    | "MailLoopStopped"
    | "RecipientEnded"
    | "RecipientFailed"
    | "RecordFailed"
    | "RecordPostponed"
    | "TicketAnswered"
    | "WorkLost",
): void {
  if (onLambda) metrics.addMetric(name, MetricUnit.Count, 1);
}

/** The same for what is counted in one run by itself; nothing is said of nothing, and nothing is paid for it. */
export function countMany(name: "MailExpired" | "TicketsExpired", many: number): void {
  if (onLambda && many > 0) metrics.addMetric(name, MetricUnit.Count, many);
}

/** What every `functions/<verb-noun>/work.ts` builds: deaf to where it runs, given its ports. */
export type Handler<Result> = (event: unknown, context: Context) => Promise<Result>;

/**
 * The middleware every function shares, outermost first. Add a concern here, once, or not at all.
 *
 * @param outer - what one home needs around everything, such as the tracer, which nobody else should have to load
 */
export const withStack = <Result>(
  handle: Handler<Result>,
  outer: readonly MiddlewareObj<unknown, Result>[] = [],
): Handler<Result> => {
  const stack = middy<unknown, Result>(handle);
  for (const middleware of outer) stack.use(middleware);
  // On one machine several functions share a thread, and with it this logger: what is injected would name the wrong one.
  if (onLambda) {
    stack
      .use(injectLambdaContext(stdout, { resetKeys: true }))
      .use(logMetrics(metrics, { captureColdStartMetric: true }));
  }
  return stack;
};
