import { expect, test } from "vitest";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import { periodDays } from "../../../shared/retention/period.ts";

const { retention } = resolveConfig({
  domains: ["example.com"],
  streams: { ticket: { recipients: ["support@example.com"] }, personal: { recipients: ["example.com"] } },
  retention: {
    default: { days: 100 },
    streams: {
      ticket: { days: 400, natures: { "auto-reply": { days: 7 }, list: { days: "forever" } } },
      personal: { natures: { machine: { days: 14 } } },
      bounce: { days: 30 },
    },
    natures: { "auto-reply": { days: 20 }, bounce: { days: 60 }, human: { days: 50 } },
  },
});

test.for<[string, string | null, string | null, number]>([
  ["a stream with a nature of its own", "ticket", "auto-reply", 7],
  ["… also for ever", "ticket", "list", Number.POSITIVE_INFINITY],
  ["a stream's period is longer than the nature's", "ticket", "human", 400],
  ["a nature's period is longer than the stream's", "bounce", "bounce", 60],
  ["a stream that names only another nature", "personal", "human", 50],
  ["… and a nature without a period", "personal", "mdn", 100],
  ["… and the one that it names", "personal", "machine", 14],
  ["a nature without a stream", null, "auto-reply", 20],
  ["a stream without a nature", "ticket", null, 400],
  ["neither", null, null, 100],
  ["a name that every object has", "constructor", "toString", 100],
])("%s", ([, stream, nature, days]) => expect(periodDays(retention, stream, nature)).toBe(days));
