import {
  haraka,
  mailweirAccept,
  mailweirEffect,
  mailweirGrown,
  mailweirQueue,
  obviousEffect,
  obviousQueue,
  postfix,
  type Server,
  smtpServerDiscard,
  smtpServerSqlite,
} from "./measure/peers.ts";
import type { RowPlan } from "./measure/rounds.ts";

/** What is asked of one ratio. */
export interface Goal {
  readonly against: Server;
  readonly rateAtLeast?: number;
  readonly cpuAtMost?: number;
  readonly memoryAtMost?: number;
}

export interface SmtpRow {
  readonly name: string;
  readonly title: string;
  readonly ours: Server;
  /** What a quick run measures in its place. */
  readonly quickly?: Server;
  readonly goals: readonly Goal[];
  plan(quick: boolean): Omit<RowPlan, "servers">;
}

const little = mailweirGrown(1_000);

const slow = (count: number, fewer: number) => (server: Server) => (server === postfix ? fewer : count);

export const smtpRows: readonly SmtpRow[] = [
  {
    name: "accept",
    title: "durable accept, 4 KB, 100 sessions",
    ours: mailweirAccept,
    goals: [
      { against: smtpServerSqlite, rateAtLeast: 2.5, cpuAtMost: 0.45 },
      { against: haraka, rateAtLeast: 2.5, cpuAtMost: 0.25 },
      { against: postfix, rateAtLeast: 6, cpuAtMost: 0.1 },
      { against: smtpServerDiscard, rateAtLeast: 0.7, cpuAtMost: 1.3 },
    ],
    plan: (quick) => ({
      rounds: quick ? 3 : 7,
      load: { sessions: 100, count: quick ? 3_000 : 10_000, bytes: 4_096 },
      warmUp: quick ? 2_000 : 5_000,
      countOf: slow(quick ? 3_000 : 10_000, quick ? 600 : 2_000),
      countSyncs: true,
    }),
  },
  {
    name: "queue",
    title: "to a durable queue: SPF, DKIM, DMARC, rules, store, judge, route; signed mail, 100 sessions",
    ours: mailweirQueue,
    goals: [
      { against: obviousQueue, rateAtLeast: 1.5, cpuAtMost: 0.65 },
      { against: haraka, rateAtLeast: 0.6, cpuAtMost: 1.3 },
    ],
    plan: (quick) => ({
      rounds: quick ? 3 : 7,
      load: { sessions: 100, count: quick ? 800 : 1_500, bytes: 0 },
      warmUp: quick ? 600 : 1_500,
      signedTo: ["support@in.example", "unsubscribe@in.example", "ann@in.example"],
      until: "routed",
      countSyncs: true,
    }),
  },
  {
    name: "effect",
    title: "until the worker's effect is recorded: ticket, suppression, mailbox",
    ours: mailweirEffect,
    goals: [{ against: obviousEffect, rateAtLeast: 1, cpuAtMost: 1 }],
    plan: (quick) => ({
      rounds: quick ? 3 : 7,
      load: { sessions: 100, count: quick ? 600 : 1_500, bytes: 0 },
      warmUp: quick ? 600 : 1_500,
      signedTo: ["support@in.example", "unsubscribe@in.example", "ann@in.example"],
      until: "done",
    }),
  },
  {
    name: "single",
    title: "one session, one mail at a time, 4 KB",
    ours: mailweirAccept,
    goals: [
      { against: haraka, rateAtLeast: 2 },
      { against: postfix, rateAtLeast: 2.2 },
    ],
    plan: (quick) => ({
      rounds: quick ? 3 : 7,
      load: { sessions: 1, count: quick ? 300 : 1_000, bytes: 4_096 },
      warmUp: quick ? 1_000 : 3_000,
      countSyncs: true,
    }),
  },
  {
    name: "connect",
    title: "a new connection for each mail, 4 KB, 20 at a time",
    ours: mailweirAccept,
    goals: [{ against: haraka, rateAtLeast: 1.2, cpuAtMost: 0.6 }],
    plan: (quick) => ({
      rounds: quick ? 3 : 7,
      load: { sessions: 20, count: quick ? 1_000 : 4_000, bytes: 4_096, reconnect: true },
      warmUp: quick ? 1_000 : 4_000,
    }),
  },
  {
    name: "100kb",
    title: "100 KB mails, durable, 20 sessions",
    ours: mailweirAccept,
    goals: [{ against: haraka, rateAtLeast: 3 }],
    plan: (quick) => ({
      rounds: quick ? 3 : 7,
      load: { sessions: 20, count: quick ? 300 : 1_000, bytes: 102_400 },
      warmUp: quick ? 300 : 1_000,
    }),
  },
  {
    name: "40mb",
    title: "four 40 MB mails at once, durable",
    ours: mailweirAccept,
    goals: [
      { against: haraka, rateAtLeast: 3, memoryAtMost: 0.45 },
      { against: postfix, rateAtLeast: 1.3 },
    ],
    plan: (quick) => ({
      rounds: quick ? 2 : 7,
      load: { sessions: 4, count: quick ? 4 : 8, bytes: 40_000_000 },
      warmUp: 4,
    }),
  },
  ...[100, 10, 1].map(growth),
];

/** Growth is to be as flat with one session as with a hundred. */
function growth(sessions: number): SmtpRow {
  return {
    name: sessions === 100 ? "growth" : `growth-${sessions}`,
    title: `durable accept with 1,000,000 stored messages (a quick run: 100,000), 4 KB, ${sessions} ${sessions === 1 ? "session" : "sessions"}`,
    ours: mailweirGrown(1_000_000),
    quickly: mailweirGrown(100_000),
    goals: [{ against: little, rateAtLeast: 0.9 }],
    plan: (quick) => ({
      rounds: quick ? 3 : 7,
      load: { sessions, count: (quick ? 3_000 : 10_000) / (sessions === 1 ? 10 : 1), bytes: 4_096 },
      warmUp: quick ? 2_000 : 5_000,
    }),
  };
}
