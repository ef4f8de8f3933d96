/** What CloudFormation asks of the activation of a stage's rule set. */
export interface ActivationRequest {
  readonly kind: "create" | "update" | "delete";
  /** The stage's own set. */
  readonly ruleSet: string;
  readonly activate: boolean;
  /** True: a set that no stage of ours owns may be replaced; a name: that very set may. */
  readonly takeOver: boolean | string;
  /** For an update: whether the stage wanted to be active before it. */
  readonly wasActivated?: boolean;
}

export interface ActivationState {
  /** The region's active set; null when receiving is off. */
  readonly active: string | null;
  /** What was active before ours, as it was remembered; undefined when nothing was. */
  readonly remembered: string | null | undefined;
  /** The names of all sets that are there and matter: whether what was remembered can be restored. */
  readonly rememberedExists: boolean;
}

export type ActivationPlan =
  | { readonly kind: "refuse"; readonly reason: string }
  | {
      readonly kind: "go";
      /** Written first, so that a crash in between forgets nothing. */
      readonly remember?: string | null;
      /** null switches receiving off. */
      readonly activate?: string | null;
      readonly forget?: true;
      /** For the log and the event of the stack. */
      readonly says: string;
    };

/**
 * Whether a stage's rule set becomes the active one, of which a region has exactly one: whoever activates his own stops
 * somebody else's mail. So nothing is replaced that was not named, what was there is remembered, and a stage that was
 * replaced by somebody does not take its place back.
 */
export function planActivation(request: ActivationRequest, state: ActivationState): ActivationPlan {
  if (request.kind === "delete" || !request.activate) return planDeactivation(request, state);
  const { ruleSet, takeOver } = request;
  const { active } = state;
  if (active === ruleSet) return { kind: "go", says: `${ruleSet} is active already` };
  if (active === null) {
    return { kind: "go", remember: null, activate: ruleSet, says: `${ruleSet} is active; no set was before` };
  }
  if (takeOver === active || (takeOver === true && !isStages(active))) {
    return { kind: "go", remember: active, activate: ruleSet, says: `${ruleSet} is active in place of ${active}` };
  }
  // CloudFormation also sends updates to roll one back: to fail there would leave the stack stuck.
  if (request.kind === "update" && request.wasActivated) {
    return { kind: "go", says: `${active} was made active by somebody else and stays; ${ruleSet} receives nothing` };
  }
  return { kind: "refuse", reason: refusal(ruleSet, active, takeOver) };
}

function planDeactivation(request: ActivationRequest, state: ActivationState): ActivationPlan {
  const { ruleSet } = request;
  const { active, remembered, rememberedExists } = state;
  if (active !== ruleSet) {
    const says = active === null ? "no set is active" : `${active} is active and stays`;
    return { kind: "go", ...(remembered !== undefined && { forget: true }), says };
  }
  if (typeof remembered === "string" && rememberedExists) {
    return { kind: "go", activate: remembered, forget: true, says: `${remembered} is active again` };
  }
  const gone = typeof remembered === "string" ? `, since ${remembered} is there no more` : "";
  return {
    kind: "go",
    activate: null,
    ...(remembered !== undefined && { forget: true }),
    says: `receiving is off${gone}`,
  };
}

function isStages(ruleSet: string): boolean {
  return ruleSet.startsWith("mailweir-");
}

function refusal(ruleSet: string, active: string, takeOver: boolean | string): string {
  const remedy = `To replace it, set aws.takeOver to "${active}"; to deploy beside it without receiving, set aws.activate to false.`;
  if (isStages(active)) {
    return `The rule set ${active}, another stage's, is active. One region has one active set, and two stages never fight for it. ${remedy}`;
  }
  const named = typeof takeOver === "string" ? ` (aws.takeOver names ${takeOver}, which it is not)` : "";
  return `The rule set ${active} is active${named}, and mail would stop coming to whoever made it, if ${ruleSet} became active. ${remedy}`;
}
