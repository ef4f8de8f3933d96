import type { Verification } from "../../../store/engine-store.ts";
import type { Journey } from "../../journey.ts";

export interface Explained {
  readonly name: string;
  readonly verdict: string;
  /** What was found. */
  readonly says: string;
  /** What may be believed because of it. */
  readonly means: string;
}

/** Every check in two sentences: what it found, and what that means for whoever reads the mail. */
export function explain({ authentication, verdicts, scanDetail }: Verification, journey: Pick<Journey, "connection">) {
  const { spf, dkim, dmarc, arc } = authentication;
  const { ip } = journey.connection;
  const signed = dkim.map(({ domain, result, aligned }) => {
    const whose = aligned ? ", which is the author's domain" : ", which is not the author's domain";
    return `${domain || "nobody"} signed it: ${result}${domain ? whose : ""}`;
  });
  const policy = dmarc.policy === undefined ? "" : ` The domain asks: ${policySays[dmarc.policy] ?? dmarc.policy}.`;
  const checks: Explained[] = [
    {
      name: "SPF",
      verdict: verdicts.spf,
      says: `${ip} for ${spf.domain || "no domain"}: ${spf.result}.`,
      means: spfMeans[spf.result] ?? "Nothing follows from it.",
    },
    {
      name: "DKIM",
      verdict: verdicts.dkim,
      says: signed.length === 0 ? "It carries no signature." : `${signed.join("; ")}.`,
      means: dkim.some(({ result }) => result === "pass")
        ? "What was signed is as its signer sent it."
        : "Nothing proves that it was not changed on its way.",
    },
    {
      name: "DMARC",
      verdict: verdicts.dmarc,
      says: `${dmarc.domain || "no author domain"}: ${dmarc.result}.${policy}`,
      means:
        dmarc.result === "pass"
          ? "The author's address may be believed."
          : dmarc.result === "none"
            ? "The author's domain says nothing of how its mail is to be known."
            : "Who wrote it is not proven: the address in From may be anybody's.",
    },
  ];
  if (arc && arc.result !== "none") {
    checks.push({
      name: "ARC",
      verdict: arc.result.toUpperCase(),
      says: arc.result === "pass" ? "The seals of its forwarders hold." : "The seals of its forwarders do not hold.",
      means: "SES has no verdict for it; nothing here follows from it.",
    });
  }
  checks.push(
    { name: "Spam", verdict: verdicts.spam, says: scanDetail.spam, means: scanMeans(verdicts.spam, "spam") },
    { name: "Virus", verdict: verdicts.virus, says: scanDetail.virus, means: scanMeans(verdicts.virus, "a virus") },
  );
  return checks;
}

const policySays: Readonly<Record<string, string>> = {
  none: "do nothing about mail that fails",
  quarantine: "set aside what fails",
  reject: "refuse what fails",
};

const spfMeans: Readonly<Record<string, string>> = {
  pass: "That domain lets that client send its mail.",
  fail: "That domain says that that client may not send its mail.",
  softfail: "That domain says that that client probably may not send its mail.",
  neutral: "That domain does not say whether that client may send its mail.",
  none: "That domain does not say who may send its mail.",
  temperror: "DNS did not answer in time; it may be right later.",
  permerror: "That domain's record is broken.",
};

function scanMeans(verdict: string, what: string): string {
  switch (verdict) {
    case "PASS":
      return "The scan found nothing.";
    case "FAIL":
      return `The scan takes it for ${what}.`;
    case "DISABLED":
      return "The rule asked for no scan.";
    default:
      return "The scan came to no result: that is not a pass.";
  }
}
