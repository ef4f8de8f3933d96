/** The path of a mail: each of these is seen in every campaign, and killed before and behind. */
export const essential: Readonly<Record<string, readonly string[]>> = {
  engine: ["accept", "recordRun"],
  queues: ["receive", "send", "delete"],
  ledger: ["decide", "routed", "claim", "firstOf", "finish"],
  quarantine: ["hold"],
  mailboxes: ["deliver"],
  tickets: ["record"],
  suppressions: ["suppress"],
  outbox: ["sendMail"],
};

/** What writes, and is killed where a campaign's mails come to it: not all of them do in each life. */
export const sometimes: Readonly<Record<string, readonly string[]>> = {
  engine: ["snapshotRuleSet", "refuse", "takeInvocations", "settleInvocation"],
  queues: ["changeVisibility"],
  ledger: ["putMeta", "setback"],
  tickets: ["change"],
  limits: ["take"],
  keys: ["generateDataKey"],
  outbox: ["takeOutgoing", "settleOutgoing"],
};

/** What writes and no campaign does: the suite that kills it there, or why one commit is all that there is to it. */
export const elsewhere: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  objects: {
    put: "a ticket's files; a repeated put is the same object: test/functions/pipeline.test.ts dies at each port call",
    delete: "one commit; the file goes by the list of unlinks, whose cuts test/slow/power-cut.test.ts has",
  },
  queues: { redrive: "by hand, one commit: test/local/store/dead-letters.test.ts", purge: "by hand, one commit" },
  topics: { publish: "the rules' notices are part of recordRun's commit; else the try of a target only" },
  ledger: {
    redecide: "replay, by hand: what is decided and not sent is found: test/local/store/lost-work.test.ts",
    fail: "one commit with the dead letter: test/local/store/dead-letters.test.ts",
    reopen: "release: test/functions/pipeline.test.ts, a release that dies anywhere",
    endHeld: "by hand or when the hold is over; a repeated one changes nothing",
    forget: "test/local/retention/forget-kill.test.ts",
  },
  suppressions: {
    softBounce: "one commit with its effect: contract suite",
    remove: "one commit with its effect: contract suite",
    importAll: "one commit; the command goes on where it stopped: test/cli/suppress.test.ts",
    forget: "test/local/retention/forget-kill.test.ts",
  },
  propagations: { begin: "test/slow/propagate-kill.test.ts", note: "test/slow/propagate-kill.test.ts" },
  webhooks: { post: "leaves the machine", request: "leaves the machine" },
  accountList: { put: "one machine has no account", remove: "one machine has no account" },
  quarantine: { remove: "release: test/functions/pipeline.test.ts, a release that dies anywhere" },
  records: { record: "one commit with its effect: contract suite" },
  outbox: {
    afterStart: "only waits",
    retry: "by hand, one commit",
    enqueue: "part of recordRun's commit, which is killed",
    sendBounce: "one commit with its key: contract suite",
  },
  tallies: { add: "one commit; a number that is shown" },
  senders: { allow: "by hand, one commit", disallow: "by hand, one commit" },
  engine: {
    recordVerification:
      "the first part of recordRun's commit by itself: test/local/actions/crash.test.ts dies at each write",
    recordAction: "one entry of recordRun's commit by itself: test/local/actions/crash.test.ts dies at each write",
    endMessage: "the last part of recordRun's commit by itself: test/local/actions/crash.test.ts dies at each write",
    replaceVerification: "replay, by hand: one commit",
    putObject: "the SES API's try of a bucket only",
  },
};

/** What changes nothing. */
export const reads: Readonly<Record<string, readonly string[]>> = {
  objects: ["head", "open", "list"],
  queues: ["counts", "peek"],
  keys: ["decrypt"],
  secrets: ["read", "keyRing"],
  ledger: ["meta", "recipients", "unfinished", "isForgotten"],
  suppressions: ["check", "of", "history", "list"],
  propagations: ["of", "get"],
  tickets: ["threads", "get", "list"],
  quarantine: ["get", "list"],
  records: ["list"],
  outbox: ["list", "entry", "about", "open", "filed", "close", "forwardSentAs"],
  tallies: ["sum"],
  senders: ["isAllowed", "list"],
  engine: [
    ...["message", "openRaw", "unended", "countUnended", "verification", "ruleSetSnapshot", "actionLog", "dueActions"],
    ...["refusals", "refusalCount", "list", "status", "nextDue", "onChange", "ipFilters"],
  ],
};
