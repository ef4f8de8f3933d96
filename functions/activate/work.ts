import * as z from "zod";
import { planActivation } from "../../shared/receipt/plan-activation.ts";
import { type Handler, logger } from "../stack.ts";

/** What the activation asks of SES, of the parameter store, and of CloudFormation. */
export interface ActivationPorts {
  /** The name of the region's active rule set; null for none. */
  active(): Promise<string | null>;
  exists(ruleSet: string): Promise<boolean>;
  /** null switches receiving off. */
  activate(ruleSet: string | null): Promise<void>;
  /** undefined: nothing is remembered. */
  remembered(parameter: string): Promise<string | null | undefined>;
  remember(parameter: string, ruleSet: string | null): Promise<void>;
  forget(parameter: string): Promise<void>;
  /** PUTs the answer that CloudFormation waits for. */
  answer(url: string, body: string): Promise<void>;
}

const properties = z.object({
  RuleSetName: z.string().min(1),
  Activate: z.enum(["true", "false"]),
  TakeOver: z.string().min(1),
  PreviousParameter: z.string().min(1),
});

const request = z.object({
  RequestType: z.enum(["Create", "Update", "Delete"]),
  ResourceProperties: properties,
  OldResourceProperties: z.looseObject({ Activate: z.string().optional() }).optional(),
});

/** What the answer needs. Read apart from the rest: an answer has to be possible whatever else is wrong. */
const address = z.looseObject({
  ResponseURL: z.string(),
  StackId: z.string().optional(),
  RequestId: z.string().optional(),
  LogicalResourceId: z.string().optional(),
  PhysicalResourceId: z.string().optional(),
  ResourceProperties: z.looseObject({ RuleSetName: z.string().optional() }).optional(),
});

/** Kept free at the end of the time that Lambda grants, to say that the rest was not enough. */
const answerMs = 10_000;

/**
 * The custom resource behind `Custom::ActiveReceiptRuleSet`. CloudFormation invokes it asynchronously and then waits for
 * an answer at `ResponseURL`, an hour if none comes: so every end answers, also a failure and a time-out. A throw, which
 * is only left for an answer that could not be delivered, makes Lambda try again.
 */
export const work =
  (ports: ActivationPorts): Handler<void> =>
  async (event, context) => {
    const to = address.parse(event);
    const physicalId = to.PhysicalResourceId ?? to.ResourceProperties?.RuleSetName ?? "active-receipt-rule-set";
    let outcome: { readonly Status: "SUCCESS" | "FAILED"; readonly Reason: string };
    try {
      const says = await beforeTimeout(perform(event, ports), context.getRemainingTimeInMillis() - answerMs);
      logger.info("activation done", { says });
      outcome = { Status: "SUCCESS", Reason: says };
    } catch (error) {
      const reason = error instanceof z.ZodError ? "the request is incomplete" : messageOf(error);
      logger.error("activation failed", { reason });
      outcome = { Status: "FAILED", Reason: reason.slice(0, 1_500) };
    }
    const { StackId, RequestId, LogicalResourceId } = to;
    await ports.answer(
      to.ResponseURL,
      JSON.stringify({ ...outcome, PhysicalResourceId: physicalId, StackId, RequestId, LogicalResourceId }),
    );
  };

async function perform(event: unknown, ports: ActivationPorts): Promise<string> {
  const { RequestType, ResourceProperties: given, OldResourceProperties: old } = request.parse(event);
  const [active, remembered] = [await ports.active(), await ports.remembered(given.PreviousParameter)];
  const plan = planActivation(
    {
      kind: RequestType === "Create" ? "create" : RequestType === "Update" ? "update" : "delete",
      ruleSet: given.RuleSetName,
      activate: given.Activate === "true",
      takeOver: given.TakeOver === "true" ? true : given.TakeOver === "false" ? false : given.TakeOver,
      wasActivated: old?.Activate === "true",
    },
    {
      active,
      remembered,
      rememberedExists: typeof remembered === "string" && (await ports.exists(remembered)),
    },
  );
  if (plan.kind === "refuse") throw new Error(plan.reason);
  if (plan.remember !== undefined) await ports.remember(given.PreviousParameter, plan.remember);
  if (plan.activate !== undefined) await ports.activate(plan.activate);
  if (plan.forget) await ports.forget(given.PreviousParameter);
  return plan.says;
}

async function beforeTimeout<Result>(work: Promise<Result>, timeoutMs: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new Error(
            "SES did not answer in time. Deploy again; nothing is half done: the active set is replaced in one step.",
          ),
        ),
      Math.max(0, timeoutMs),
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name === "Error" ? "" : `${error.name}: `}${error.message}` : String(error);
}
