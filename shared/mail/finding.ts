import type { NatureFinding } from "./judgement.ts";

/** A rule's answer. `final` false: a body, once it is there, may say otherwise. */
export interface Finding extends NatureFinding {
  readonly final: boolean;
}
