import { foldCase, formatMailAddress, parseDomain, parseMailAddress } from "../../shared/mail/address.ts";
import type { RuleSetReader } from "../store/rule-sets.ts";
import type { Operations, SesApiParts } from "./parts.ts";
import { type QueryNode, textOf, textsOf } from "./query-request.ts";
import { Refusal } from "./refusal.ts";
import { type XmlFields, XmlMap } from "./xml-response.ts";

/**
 * Identities that tools set up before they receive. On one machine nobody has to prove a domain: it is verified at once.
 * Those of the configuration are listed too, and only the configuration takes them away.
 */
export function identityOperations({ config, ruleSets, random }: SesApiParts): Operations {
  const add = async (name: string) => {
    const token = Buffer.from(random.bytes(32)).toString("base64");
    return ruleSets.edit((writer) => {
      writer.addIdentity({ name, token });
      return writer.identities().find((identity) => identity.name === name)?.token ?? token;
    });
  };
  return {
    async VerifyDomainIdentity(request) {
      const name = required(request, "Domain");
      const domain = parseDomain(name);
      if (domain === undefined || domain.startsWith("[") || !domain.includes(".")) {
        throw new Refusal("InvalidParameterValue", `Invalid domain name ${name}.`);
      }
      return { VerificationToken: await add(domain) };
    },
    async VerifyEmailIdentity(request) {
      const text = required(request, "EmailAddress");
      const address = parseMailAddress(text);
      if (!address) throw new Refusal("InvalidParameterValue", `Invalid email address<${text}>.`);
      await add(formatMailAddress(foldCase(address)));
      return {};
    },
    async ListIdentities(request) {
      const type = textOf(request, "IdentityType");
      const token = textOf(request, "NextToken");
      if (type !== undefined && type !== "Domain" && type !== "EmailAddress") {
        throw new Refusal("InvalidParameterValue", `Invalid identity type: ${type}`);
      }
      const wanted = allNames(
        config.domains,
        ruleSets.read((reader) => reader.identities()),
      ).filter((name) => type === undefined || name.includes("@") === (type === "EmailAddress"));
      const from = token === undefined ? 0 : wanted.indexOf(Buffer.from(token, "base64url").toString()) + 1;
      if (token !== undefined && from === 0) throw new Refusal("InvalidParameterValue", `Invalid token: ${token}`);
      const page = wanted.slice(from, from + pageSize(request));
      const last = page.at(-1);
      return {
        Identities: page,
        NextToken:
          last !== undefined && from + page.length < wanted.length
            ? Buffer.from(last).toString("base64url")
            : undefined,
      };
    },
    async GetIdentityVerificationAttributes(request) {
      const identities = ruleSets.read((reader) => reader.identities());
      const entry = (asked: string): (readonly [string, XmlFields])[] => {
        const name = asked.toLowerCase();
        const made = identities.find((identity) => identity.name === name);
        if (!made && !config.domains.includes(name)) return [];
        const token = made && !name.includes("@") ? made.token : undefined;
        return [[asked, { VerificationStatus: "Success", VerificationToken: token }]];
      };
      return { VerificationAttributes: new XmlMap(textsOf(request, "Identities").slice(0, 100).flatMap(entry)) };
    },
    async DeleteIdentity(request) {
      const name = required(request, "Identity").toLowerCase();
      if (config.domains.includes(name)) {
        throw new Refusal("AccessDenied", `${name} comes from the configuration: remove it there`, {}, 403);
      }
      await ruleSets.edit((writer) => writer.deleteIdentity(name));
      return {};
    },
  };
}

/** Whether mail may be sent as this address: itself, its domain or a parent domain is verified. */
export function isVerifiedSender(text: string, domains: readonly string[], reader: RuleSetReader): boolean {
  const parsed = parseMailAddress(text);
  if (!parsed) return false;
  const address = foldCase(parsed);
  const whole = formatMailAddress(address);
  return allNames(domains, reader.identities()).some(
    (name) => name === whole || name === address.domain || address.domain.endsWith(`.${name}`),
  );
}

const allNames = (domains: readonly string[], identities: readonly { readonly name: string }[]) => [
  ...new Set([...domains, ...identities.map(({ name }) => name)]),
];

function pageSize(request: QueryNode): number {
  const asked = Number(textOf(request, "MaxItems") ?? 1000);
  return Number.isInteger(asked) && asked >= 1 ? Math.min(asked, 1000) : 1000;
}

function required(request: QueryNode, member: string): string {
  const text = textOf(request, member);
  if (text !== undefined) return text;
  const name = member.charAt(0).toLowerCase() + member.slice(1);
  throw new Refusal(
    "ValidationError",
    `1 validation error detected: Value at '${name}' failed to satisfy constraint: Member must not be null`,
  );
}
