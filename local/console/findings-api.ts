import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import type { Finding } from "../../shared/config/doctor/finding.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Clock } from "../../shared/ports.ts";
import type { SesApi } from "../ses-api/create-ses-api.ts";

export interface FindingsParts {
  readonly config: ResolvedConfig;
  readonly clock: Clock;
  readonly sesApi: Pick<SesApi, "activeReceiving">;
}

/** `GET /api/findings`; documented in docs/http-api.md. */
export interface FindingsAnswer {
  /** The active set; null when none is. */
  readonly ruleSet: string | null;
  readonly rules: number;
  readonly findings: readonly Finding[];
}

export function serveFindings(api: Hono<{ Bindings: HttpBindings }>, { config, clock, sesApi }: FindingsParts): void {
  api.get("/findings", async (c) => {
    const receiving = sesApi.activeReceiving();
    const dns = c.req.query("dns") === "1";
    const { checkReceiving } = await import("../doctor/check-receiving.ts");
    const findings = await checkReceiving(config, { dns, today: clock.now(), receiving });
    const { ruleSet } = receiving;
    return c.json({
      ruleSet: ruleSet?.name ?? null,
      rules: ruleSet?.rules.length ?? 0,
      findings,
    } satisfies FindingsAnswer);
  });
}
