import { normaliseAddress, parseDomain, parseMailAddress } from "../mail/address.ts";
import { place } from "./check-shape.ts";
import type { ConfigFault } from "./config-error.ts";
import { checkFolder, checkSource, type DeliveryPlaces, isOurs, resolveAccount } from "./resolve-delivery.ts";
import type { PersonalConfig, ResolvedPersonal, ResolvedStream } from "./types.ts";

/** What the personal worker needs beside the address map. */
export function resolvePersonal(
  personal: PersonalConfig,
  places: DeliveryPlaces & { readonly domains: readonly string[] },
  streams: readonly ResolvedStream[],
  faults: ConfigFault[],
): ResolvedPersonal {
  const { domains, onAws } = places;
  for (const [name, account] of Object.entries(personal.imap ?? {})) {
    resolveAccount(account, ["personal", "imap", name], places, faults);
  }
  const folders = personal.folders ?? [];
  for (const [index, { folder }] of folders.entries()) {
    checkFolder(folder, ["personal", "folders", index, "folder"], faults);
  }
  const { forwarding = {} } = personal;
  const from = forwarding.from ?? `forwarded@${domains[0] ?? "example.com"}`;
  const domain = parseMailAddress(from)?.domain;
  if (domain === undefined || !isOurs(domain, domains)) {
    faults.push({
      at: "personal.forwarding.from",
      problem: `"${from}" is not an address of your domains: nobody would take mail from it`,
      allowed: domains.map((verified) => `…@${verified}`).join(", "),
    });
  }
  const srsDomain = parseDomain(forwarding.srsDomain ?? domain ?? "example.com") ?? "";
  const throughSmarthost = streams.some(({ delivery }) =>
    Object.values(delivery).some((entries) =>
      entries.some((entry) => entry.kind === "forward" && entry.via === "smarthost"),
    ),
  );
  const comesBack = streams.some(
    ({ worker, recipients, addressed }) =>
      worker === "personal" &&
      addressed &&
      (recipients.length === 0 ||
        recipients.includes(srsDomain) ||
        recipients.some((condition) => condition.startsWith(".") && srsDomain.endsWith(condition))),
  );
  if (forwarding.srsDomain !== undefined && !isOurs(srsDomain, domains)) {
    faults.push({
      at: "personal.forwarding.srsDomain",
      problem: `"${forwarding.srsDomain}" is not under one of your domains`,
      allowed: domains.join(", "),
    });
  } else if (throughSmarthost && !comesBack) {
    faults.push({
      at: "personal.forwarding.srsDomain",
      problem: `bounces of forwarded mail come back to SRS0=…@${srsDomain}, for all of which no personal stream receives`,
      suggestion: `add ${JSON.stringify(srsDomain)} to streams.personal.recipients, or name a subdomain for it here and there`,
    });
  }
  const linkUrl = forwarding.linkUrl === undefined ? undefined : checkLinkUrl(forwarding.linkUrl, onAws, faults);
  if (forwarding.key) {
    const at = ["personal", "forwarding", "key"] as const;
    checkSource(forwarding.key.privateKeyFrom, [...at, "privateKeyFrom"], onAws, faults);
    if (parseDomain(forwarding.key.domain) === undefined) {
      faults.push({ at: place([...at, "domain"]), problem: `"${forwarding.key.domain}" is no domain` });
    }
  }
  return {
    folders,
    forwarding: {
      from: normaliseAddress(from),
      srsDomain,
      maxBytes: forwarding.maxBytes ?? 26_214_400,
      ...(linkUrl !== undefined && { linkUrl }),
      linkDays: forwarding.linkDays ?? 7,
      ...(forwarding.key && { key: forwarding.key }),
    },
  };
}

function checkLinkUrl(linkUrl: string, onAws: boolean, faults: ConfigFault[]): string | undefined {
  if (onAws) {
    faults.push({
      at: "personal.forwarding.linkUrl",
      problem: "no function on AWS hands out mail of this size",
      suggestion: "leave it out for a stage: the notice then says where the mail lies",
    });
    return undefined;
  }
  const url = URL.parse(linkUrl);
  const isLocal = url?.protocol === "http:" && /^(?:localhost|127\.|\[::1\])/.test(url.hostname);
  if (url && (url.protocol === "https:" || isLocal) && url.pathname === "/" && url.search === "" && url.hash === "") {
    return url.origin;
  }
  faults.push({
    at: "personal.forwarding.linkUrl",
    problem: `"${linkUrl}" is no address for links to mail`,
    allowed: "https:// and a host without path, such as https://mail.example.com (http for localhost only)",
  });
  return undefined;
}
