import type { SmtpStage } from "./dsn-stage.ts";

export const bounceReasons = [
  "user-unknown",
  "host-unknown",
  "has-moved",
  "not-accepted",
  "mailbox-full",
  "suspended",
  "message-too-big",
  "spam-detected",
  "virus-detected",
  "authentication",
  "policy",
  "blocked",
  "sender-rejected",
  "relaying-denied",
  "too-many",
  "expired",
  "network",
  "loop",
  "filtered",
  "content",
  "system",
  "undefined",
] as const;
export type BounceReason = (typeof bounceReasons)[number];

/** Reasons that say the address will not work tomorrow either. All others are worth another message. */
export const hardReasons: ReadonlySet<BounceReason> = new Set([
  "user-unknown",
  "host-unknown",
  "has-moved",
  "not-accepted",
]);

/**
 * Why a message was not delivered, from the words of the refusing side first (its codes are often generic or wrong:
 * 5.1.1 for a full mailbox, 5.7.1 for an unknown user) and from the enhanced status (RFC 3463) when the words say nothing.
 */
export function classifyBounce(
  diagnostic: string,
  status: string | undefined,
  stage?: SmtpStage | undefined,
): BounceReason {
  // Addresses and host names hold words ("unknown@", "spam.example") that nobody said.
  const text = diagnostic
    .slice(0, 4000)
    .replace(/\s+/g, " ")
    .replace(/(https?:\/\/[^\s/]{1,255})\S*/g, "$1")
    .replace(/<?[^\s<>]{1,64}@[^\s<>:,;]{1,255}?(?=\.\.\.|[\s<>:,;]|$)>?/g, "@");
  if (programFailed.test(text)) return "system";
  const said = phrases.find(([, pattern]) => pattern.test(text))?.[0];
  const coded = ofStatus(status);
  // "Address rejected" with 5.1.1 beside it is not about policy.
  if (said !== undefined && !(vague.has(said) && coded !== undefined && hardReasons.has(coded))) {
    return atStage(said, status, stage, text);
  }
  return coded === undefined ? "undefined" : atStage(coded, status, stage, text);
}

const vague: ReadonlySet<BounceReason> = new Set(["policy", "content", "system"]);

function ofStatus(status: string | undefined): BounceReason | undefined {
  const code = /^[245]\.(\d{1,3})\.(\d{1,3})$/.exec(status ?? "");
  return code ? statusReasons[`${Number(code[1])}.${Number(code[2])}`] : undefined;
}

/** What the words mean, given when they were said. */
function atStage(
  said: BounceReason,
  status: string | undefined,
  stage: SmtpStage | undefined,
  text: string,
): BounceReason {
  if (!hardReasons.has(said)) return said;
  // RFC 3463 §3.6: "501 5.5.4 Invalid domain name" answers HELO and is not about the recipient's.
  if (said === "host-unknown" && /^[45]\.5\.4$/.test(status ?? "")) return "system";
  if (stage === "connect") return "blocked";
  // Behind the message, an unknown domain is the one in its From.
  if (stage === "mail-from" || (stage === "data" && said === "host-unknown" && /\bfrom:?\s/i.test(text)))
    return "sender-rejected";
  // The recipient had been accepted: somebody's filter speaks, not the list of users.
  if (
    stage === "data" &&
    said === "user-unknown" &&
    !/\buser does ?n[o']t have an? \S+ account\b|\b552 \d requested mail action aborted, mailbox not found/i.test(
      text,
    ) &&
    !/^5\.1\.[016]$/.test(status ?? "")
  )
    return "filtered";
  // A bare "550 user unknown", without the command or an enhanced status, may be a gateway's or a filter's: it proves
  // nothing about the address, and a wrong suppression costs more than another bounce.
  if (said === "user-unknown" && stage === undefined && status === undefined && bareReply.test(text)) return "filtered";
  // RFC 3463 §3.3: X.2.1 is a mailbox that exists and takes no mail.
  if (said === "user-unknown" && stage === undefined && /^[45]\.2\.1$/.test(status ?? "")) return "suspended";
  return said;
}

// A recipient that was a program: what it printed, or its exit, is no answer of a server.
const programFailed =
  /^.{0,200}(?:\bpipe to \||procmail: |child process of|local delivery failed|command (?:died|output|time limit)|unable to run)/i;

const bareReply = /(?:^|[\s:(])55[0-4](?:[ -]|: )/;

// In order: the more telling phrase first.
const phrases: readonly (readonly [BounceReason, RegExp])[] = [
  [
    "host-unknown",
    /domain (?:may not exist|is not reachable)|account or domain may not exist|unrout(?:e)?able mail domain|^.{0,250}\b55\d (?:\d\.\d\.\d )?[\w-]+(?:\.[\w-]+)+ does not exist/i,
  ],
  ["content", /content (?:error|rejected|filter)|message content/i],
  // Exchange Online's directory-based edge blocking words an unknown user like this; Symantec's gateways answer 542 for
  // addresses that are not registered.
  [
    "user-unknown",
    /recipient address rejected: access denied|RESOLVER\.ADR|Recip(?:ient)?NotFound|\b542 \S+ rejected/i,
  ],
  // The recipient exists and wants none of it.
  ["filtered", /recipient preferences|blocked by (?:the )?recipient/i],
  [
    "not-accepted",
    /indicated no SMTP service|(?:system|host) not accepting (?:network |any )?(?:messages|mail)|null ?mx|(?:^|\s)556[ -]|(?:^|\s)521[ -].{0,120}(?:does ?n[o']t|never) accept (?:any )?(?:e-?)?mails?\b|(?:host|domain|server).{0,40}(?:does ?n[o']t|never) accept(?:s|ing)? (?:any )?(?:mail|e-?mail)/i,
  ],
  [
    "network",
    /(?:host|name).{0,40}(?:lookup failure|not found).{0,20}(?:try again|temporar)|temporary (?:name|dns)|host name lookup failure|deferred: name server/i,
  ],
  ["virus-detected", /\bvirus|malware|infected|worm\b/i],
  [
    "authentication",
    /\bDMARC\b|\bSPF\b|\bDKIM\b|sender policy framework|unauthenticated|not authenticated|authentication (?:checks?|failed|required)|5\.7\.(?:2[0-9]|30)\b/i,
  ],
  ["loop", /too many hops|mail(?:er)? loop|loops? back|hop count|routing loop|maximum hop|too many received/i],
  [
    "has-moved",
    /(?:user|address|mailbox|recipient|account) has (?:moved|changed)|no longer (?:at|on) this (?:address|server|domain)\b|moved to|\b551\b.{0,40}not local|has been (?:replaced|changed)/i,
  ],
  [
    "mailbox-full",
    /(?:mail ?box|quota|inbox|folder|account|storage|user|mailfolder|disk)\S{0,3} (?:is |was |has )?(?:(?:currently |temporarily )?(?:full|over|exceed|out of)|size limit)|over ?quota|overdrawn|(?:have|has) (?:not )?enough space|quota (?:exceed|is full|violation)|exceed\w* .{0,40}(?:quota|storage|mailbox|disk space|limit of space)|insufficient (?:disk|storage|system storage|space)|not enough (?:disk |storage )?space|mailbox .{0,60}full|out of storage|too full|容量|\b[45]\.2\.2\b|lack of (?:disk )?space|disk full|would (?:be|exceed) over/i,
  ],
  [
    "message-too-big",
    /(?:message|mail|file|attachment|size|body)\S{0,3} .{0,30}(?:too (?:big|large)|exceed\w* .{0,40}(?:size|maximum|limit))|too (?:big|large) (?:message|mail)|exceed\w* (?:the )?(?:fixed |maximum |max )?(?:message )?size|size limit|larger than|\b5\.[23]\.[43]\b.{0,60}size|sizelimit/i,
  ],
  [
    "suspended",
    /(?:mailbox|account|user|recipient|address|email)\S{0,3} .{0,30}(?:disabled|suspended|inactive|locked|deactivated|not active|temporarily unavailable|discontinued|not enabled)|(?:disabled|inactive|suspended|locked) (?:mailbox|account|user|recipient)|\b[45]\.2\.1\b.{0,40}disabled|account .{0,20}expired|has been disabled/i,
  ],
  [
    "spam-detected",
    /\bspam(?!haus|cop)|\bUBE\b|\bUCE\b|unsolicited|junk ?mail|bulk mail|content filter|looks like|spamassassin|message (?:was )?(?:flagged|identified)/i,
  ],
  [
    "relaying-denied",
    /relay(?:ing)? (?:denied|not (?:permitted|allowed)|access denied|is not|prohibited)|unable to relay|not (?:permitted|allowed|able) to relay|cannot relay|we do not relay|open relay|relaying/i,
  ],
  [
    "blocked",
    /invalid dns|(?:reverse|\brdns\b|\bptr\b|dns lookup|hostname|resolv).{0,60}(?:fail|not|cannot|missing|require|invalid|match|unresolv)|no ptr|without ptr|block ?list|black ?list|\bRBL\b|\bDNSBL\b|spamhaus|spamcop|barracuda|poor reputation|reputation|\b(?:ip|client|connection|network|your (?:host|server))\b\S{0,3} .{0,60}(?:blocked|denied|rejected|banned|refused|listed|not allowed|dropped)|blocked (?:by|using|for)|dynamic ip|access denied|banned|\bblocked\b/i,
  ],
  [
    "too-many",
    /too many (?:connection|recipient|message|invalid|error|concurrent|rcpt|mail)|rate limit|throttl|too (?:fast|quickly|frequent)|try(?:ing)? again later.{0,30}rate|exceeded the (?:rate|maximum number)|sending rate|daily .{0,20}limit/i,
  ],
  [
    "sender-rejected",
    /(?:sender|mail from|envelope from|from address|return.?path|domain of sender|originator)\S{0,3} .{0,80}(?:reject|denied|not (?:exist|found|allowed|accept|resolve|verif|have)|unknown|invalid|refus|blocked|must|does ?n[o']t)|(?:reject|denied|invalid|bad|unknown|unresolvable) .{0,20}sender|sender verif|verify sender|callout|<> (?:invalid|rejected|not)|null sender/i,
  ],
  ["policy", /rejected[:,]? .{0,20}policy|policy (?:violation|reasons?|rejection)|violat\w+ .{0,30}policy/i],
  [
    "user-unknown",
    /user (?:is )?(?:unknown|not (?:found|known|exist|listed|local)|doesn'?t exist|does not exist|invalid)|(?:unknown|no such|invalid|nonexistent|non-existent|bad|undefined|incorrect|not a valid|unrecognized) (?:local )?(?:user|recipient|address|mailbox|account|person|rcpt|part|destination mailbox|login|e-?mail|name|alias|destination)|(?:recipient|address|mailbox|account|user|person|rcpt|mailid|email)\b.{0,90}(?:unknown|not (?:found|exist|known|listed|here|recognized|valid|a valid|in (?:address|directory))|doesn'?t (?:exist|have)|does not (?:exist|have)|invalid|unavailable|undeliverable|no longer|cannot be found|not our|could ?n[o']t be found)|(?:no|not an?|keine?) (?:mailbox|account|user|such|recipient|person|one|a known)|unknown (?:or|virtual|in) |this (?:user|account|address|person) (?:doesn|does not|is not|no longer)|unrouteable address|not listed in|no longer (?:valid|available|exists|active|in use|with|employed|works)|can'?t (?:find|locate) .{0,30}(?:user|mailbox|recipient)|there (?:is|was) no|couldn'?t find any (?:user|mail)|\bunknown\b.{0,20}(?:user|recipient)|reject\w* due to .{0,30}recipient|宛先不明|该用户不存在|不存在|no valid recipients?|inexistent|existiert nicht|unbekannt|inconnu|desconocid|desconhecid|sconosciut|addressee unknown|(?:list|group|alias) (?:does not exist|not found)|not (?:our|a) customer|non esiste|não existe|no existe|не существует|invalid final delivery user|Ungültig/i,
  ],
  [
    "host-unknown",
    /(?:host|domain|mx|server|dns)\S{0,3} .{0,60}(?:unknown|not (?:found|exist|resolve|a valid)|does ?n[o']t exist|couldn'?t be found|invalid|lookup failed|non-?existent)|(?:unknown|no such|unable to (?:resolve|find)|couldn'?t find any|can'?t resolve|unresolvable|bad destination|illegal|invalid) (?:host|domain|mx|name|server)|name (?:service error|or service not known|server|resolution)|nxdomain|\bno (?:mx|a) record|not.{0,20}(?:deliverable host)|all relevant MX|Domain name not found|Host or UnknownHost|valid MX/i,
  ],
  [
    "not-accepted",
    /(?:host|domain|server).{0,40}(?:does ?n[o']t|not|never) accept(?:s|ing)? (?:any )?(?:mail|e-?mail|message)|null ?mx|\b556\b|does not accept mail|no longer accept/i,
  ],
  [
    "expired",
    /(?:delivery|message|queue|time|retry|conversation|connection|transfer|mail).{0,40}(?:expired|time ?(?:d )?out|timed[- ]out|time limit|too (?:old|long)|exceeded)|could not be delivered (?:for|within|after|in) .{0,20}(?:day|hour|minute)|retry time(?:out)? exceeded|not .{0,20}deliver\w* .{0,30}(?:for|after|within) .{0,20}(?:days|hours)|delayed|(?:been|was) (?:in|on) the queue|giving up|gave up|failing for a long time/i,
  ],
  [
    "network",
    /connection (?:refused|reset|lost|dropped|closed|timed out|failed|was|died)|could not connect|couldn'?t (?:connect|establish)|can'?t connect|unable to connect|network (?:error|unreachable|is)|no (?:response|answer) from|unreachable|connect to .{0,80}(?:refused|timed out)|lost connection|STARTTLS|TLS|socket/i,
  ],
  ["content", /content|attachment|header|MIME|charset|8bit|line (?:too long|length)|subject|format|encoding/i],
  [
    "policy",
    /policy|prohibited|not (?:permitted|allowed|authorized|authorised)|unauthori[sz]ed|security|refused|rejected|denied|restricted|permission|administrat|moderated|members? only|violat|listserv/i,
  ],
  [
    "system",
    /system|config|local (?:error|problem)|server (?:error|problem)|resources|unavailable|internal|i\/o|cannot (?:create|open|write|append)|process|pipe|command|software|program|mailer|temporar|deferred|try again/i,
  ],
  // Said with no reason at all.
  ["user-unknown", /recipient (?:address )?rejected/i],
];

const statusReasons: Readonly<Record<string, BounceReason>> = {
  "1.1": "user-unknown",
  "1.0": "user-unknown",
  "1.2": "host-unknown",
  "1.3": "user-unknown",
  "1.4": "user-unknown",
  "1.6": "has-moved",
  "1.7": "sender-rejected",
  "1.8": "sender-rejected",
  "1.10": "not-accepted",
  "2.1": "suspended",
  "2.2": "mailbox-full",
  "2.3": "message-too-big",
  "2.0": "undefined",
  "3.1": "mailbox-full",
  "3.4": "message-too-big",
  "4.0": "network",
  "4.1": "network",
  "4.2": "network",
  "4.3": "system",
  "4.4": "host-unknown",
  "4.6": "loop",
  "4.7": "expired",
  "5.3": "too-many",
  "6.0": "content",
  "7.0": "policy",
  "7.1": "policy",
  "7.23": "authentication",
  "7.26": "authentication",
};
