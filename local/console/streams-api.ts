import { isIP } from "node:net";
import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { normaliseAddress } from "../../shared/mail/address.ts";
import type { Judgement, Nature } from "../../shared/mail/judgement.ts";
import { acceptRecipient } from "../../shared/receipt/accept-recipient.ts";
import { decideClient } from "../../shared/receipt/ip-filter.ts";
import type { ReceiptRule } from "../../shared/receipt/model.ts";
import { formatReply, replies } from "../../shared/receipt/replies.ts";
import { type RuleTrace, traceRules } from "../../shared/receipt/trace.ts";
import { decideStream } from "../../shared/streams/decide.ts";
import { natures } from "../search/parse-query.ts";
import type { SesApi } from "../ses-api/create-ses-api.ts";
import type { EngineStatus, EngineStore, RuleMetric } from "../store/engine-store.ts";
import type { StreamSlice, StreamStatistics } from "../store/stream-minutes.ts";
import { targetOf } from "./journey.ts";
import { wholeNumber } from "./paging.ts";
import { problem } from "./problem.ts";

export interface StreamsParts {
  readonly config: ResolvedConfig;
  readonly engine: Pick<EngineStore, "status">;
  readonly statistics: StreamStatistics;
  readonly sesApi: Pick<SesApi, "activeReceiving">;
}

/** `GET /api/streams`; documented in docs/http-api.md. */
export interface StreamsAnswer {
  /** ISO 8601: the first slice begins here, at a whole step. */
  readonly from: string;
  readonly stepMinutes: number;
  readonly streams: readonly {
    readonly stream: string;
    /** What works there: `ticket`, `personal`, … `own` for the user's; null for a stream that is not configured any more. */
    readonly worker: string | null;
    readonly open: number;
    readonly oldestReceivedAt: string | null;
    readonly oldestAgeSeconds: number | null;
    readonly queue: Pick<EngineStatus["queues"][number], "visible" | "inFlight" | "delayed"> | null;
    /** Messages in its dead-letter queue. */
    readonly dead: number;
    readonly totals: Readonly<Record<string, number>>;
    /** Those in which something happened, oldest first. */
    readonly slices: readonly Omit<StreamSlice, "stream">[];
  }[];
}

/** `GET /api/rules`. */
export interface RulesAnswer {
  readonly ruleSet: string | null;
  readonly rules: readonly {
    readonly rule: string;
    readonly enabled: boolean;
    /** Empty: every recipient of a verified domain. */
    readonly recipients: readonly string[];
    readonly tls: "Optional" | "Require";
    readonly scan: boolean;
    readonly actions: readonly { readonly type: string; readonly target: string }[];
    readonly hits: Readonly<Record<RuleMetric, number>>;
  }[];
}

/** `GET /api/match`. */
export interface MatchAnswer {
  readonly client: { readonly refused: boolean; readonly reason: string };
  readonly recipients: readonly {
    readonly recipient: string;
    readonly accepted: boolean;
    readonly reply: string;
    readonly reason: string;
    /** Null: it comes to none. */
    readonly stream: string | null;
    readonly outcome: string | null;
    readonly reasons: readonly string[];
  }[];
  readonly rules: readonly RuleTrace[];
}

const maxHours = 31 * 24;
const maxSteps = 1_000;
const noHits = { PublishSuccess: 0, PublishFailure: 0, PublishExpired: 0 } as const;

/** How the streams do, which rules there are and how often they acted, and what would match. */
export function serveStreams(api: Hono<{ Bindings: HttpBindings }>, parts: StreamsParts): void {
  const { config, engine, statistics, sesApi } = parts;

  api.get("/streams", async (c) => {
    const hours = Math.min(wholeNumber(c.req.query("hours")) ?? 24, maxHours);
    const stepMinutes = wholeNumber(c.req.query("step")) ?? Math.max(1, Math.ceil((hours * 60) / 96));
    if ((hours * 60) / stepMinutes > maxSteps) {
      return problem(c, 400, `step is too small: ${hours} hours may have at most ${maxSteps} steps.`);
    }
    const now = statistics.now().getTime();
    const stepMs = stepMinutes * 60_000;
    const from = new Date((Math.floor(now / stepMs) - Math.ceil((hours * 3_600_000) / stepMs) + 1) * stepMs);
    const status = await engine.status();
    const slices = Map.groupBy(statistics.slices({ from, stepMinutes }), ({ stream }) => stream);
    const backlog = new Map(statistics.backlog().map((entry) => [entry.stream, entry]));
    const configured = config.streams.map(({ name }) => name);
    const names = new Set([...configured, ...Object.keys(status.byStream), ...backlog.keys(), ...slices.keys()]);
    return c.json({
      from: from.toISOString(),
      stepMinutes,
      streams: [...names].map((stream) => {
        const { open = 0, oldestReceivedAt = null } = backlog.get(stream) ?? {};
        const worker = config.streams.find(({ name }) => name === stream)?.worker;
        const queueName = config.names.streamQueue(stream);
        const queue = status.queues.find(({ name }) => name === queueName);
        const dead = status.queues.find(({ name }) => name === `${queueName}-dlq`);
        return {
          stream,
          worker: worker === undefined ? null : typeof worker === "string" ? worker : "own",
          open,
          oldestReceivedAt,
          oldestAgeSeconds:
            oldestReceivedAt === null ? null : Math.max(0, Math.round((now - Date.parse(oldestReceivedAt)) / 1000)),
          queue: queue ? { visible: queue.visible, inFlight: queue.inFlight, delayed: queue.delayed } : null,
          dead: dead ? dead.visible + dead.inFlight + dead.delayed : 0,
          totals: status.byStream[stream] ?? {},
          slices: (slices.get(stream) ?? []).map(({ stream: _, ...slice }) => slice),
        };
      }),
    } satisfies StreamsAnswer);
  });

  api.get("/rules", async (c) => {
    const { ruleSet } = sesApi.activeReceiving();
    const { rules: counts } = await engine.status();
    const rule = ({ name, enabled, recipients, tlsPolicy, scanEnabled, actions }: ReceiptRule) => ({
      rule: name,
      enabled,
      recipients,
      tls: tlsPolicy,
      scan: scanEnabled,
      actions: actions.map((action) => ({ type: action.type, target: targetOf(action) })),
      hits: counts[name] ?? noHits,
    });
    return c.json({ ruleSet: ruleSet?.name ?? null, rules: (ruleSet?.rules ?? []).map(rule) } satisfies RulesAnswer);
  });

  api.get("/match", (c) => {
    const to = c.req.queries("to") ?? [];
    if (to.length === 0 || to.length > 50) return problem(c, 400, "Name 1 to 50 recipients with ?to=…");
    const ip = c.req.query("ip") ?? "203.0.113.25";
    if (isIP(ip) === 0) return problem(c, 400, "ip is no IP address.");
    const asked = c.req.query("nature") ?? "human";
    const nature = natures.find((known) => known === asked);
    if (!nature) return problem(c, 400, `nature is one of ${natures.join(", ")}.`);
    const tls = c.req.query("tls") === "1";
    const { ruleSet, verifiedDomains, ipFilters } = sesApi.activeReceiving();
    const client = decideClient(
      ipFilters,
      ip,
      config.local.ses.ipPrecedence ? { policy: config.local.ses.ipPrecedence } : {},
    );
    const accepted: string[] = [];
    const recipients = to.map((recipient): MatchAnswer["recipients"][number] => {
      const decided = client.refused
        ? { accept: false as const, reply: replies.clientBlocked, reason: client.reason }
        : acceptRecipient({ ruleSet, verifiedDomains, recipient, client: { tls } });
      const none = { stream: null, outcome: null, reasons: [] };
      if (!decided.accept) {
        return { recipient, accepted: false, reply: formatReply(decided.reply), reason: decided.reason, ...none };
      }
      accepted.push(recipient);
      const {
        stream,
        outcome = null,
        reasons,
      } = decideStream(config, {
        recipient: normaliseAddress(recipient),
        judgement: supposed(nature),
        headers: [],
        verdicts: { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "PASS", dmarc: "PASS" },
        envelopeFrom: "ann@sender.example",
      });
      const reason = "reason" in decided && typeof decided.reason === "string" ? decided.reason : "a rule takes it";
      return { recipient, accepted: true, reply: formatReply(replies.ok), reason, stream, outcome, reasons };
    });
    const rules =
      ruleSet && accepted.length > 0
        ? traceRules({ ruleSet, recipients: accepted, tls, outcomes: [] }, { predict: true })
        : [];
    return c.json({
      client: { refused: client.refused, reason: client.reason },
      recipients,
      rules,
    } satisfies MatchAnswer);
  });
}

/** A clean and proven mail of that nature. */
function supposed(kind: Nature): Judgement {
  return {
    nature: { kind, confidence: 1, evidence: [] },
    safety: { kind: "clean", reasons: [] },
    trust: "aligned",
    complete: true,
  };
}
