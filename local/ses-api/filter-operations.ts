import { validateCidr } from "../../shared/receipt/ip-filter.ts";
import { limits } from "../../shared/receipt/limits.ts";
import type { IpFilter } from "../../shared/receipt/model.ts";
import { notInSet, notNull, validateFilterName, validationError } from "../../shared/receipt/validate-name.ts";
import type { Operations, SesApiParts } from "./parts.ts";
import { type QueryNode, structureOf, textOf } from "./query-request.ts";
import { Refusal, refuseOn } from "./refusal.ts";

/** IP filters (ses-receiving.md §3). The configured ones are listed beside those of the API, which cannot delete them. */
export function filterOperations({ config, ruleSets }: SesApiParts): Operations {
  const isConfigured = (name: string) => config.ipFilters.some((filter) => filter.name === name);
  return {
    async CreateReceiptFilter(request) {
      const filter = readFilter(request);
      await ruleSets.edit((writer) => {
        const filters = writer.filters();
        const { name } = filter;
        if (isConfigured(name) || filters.some((other) => other.name === name)) {
          throw new Refusal("AlreadyExists", `Filter already exists: ${name}`, { Name: name });
        }
        if (filters.length >= limits.ipFilters) throw new Refusal("LimitExceeded", "Too many filters");
        writer.putFilter(filter);
      });
      return {};
    },
    async ListReceiptFilters() {
      const filters = [...config.ipFilters, ...ruleSets.read((reader) => reader.filters())];
      return {
        Filters: filters
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ name, policy, cidr }) => ({ Name: name, IpFilter: { Policy: policy, Cidr: cidr } })),
      };
    },
    async DeleteReceiptFilter(request) {
      const name = textOf(request, "FilterName");
      if (name === undefined) refuseOn(validationError([notNull("filterName")]));
      refuseOn(validateFilterName(name));
      if (name !== undefined && isConfigured(name)) {
        throw new Refusal("AccessDenied", `The filter ${name} comes from the configuration: remove it there`, {}, 403);
      }
      await ruleSets.edit((writer) => writer.deleteFilter(name ?? ""));
      return {};
    },
  };
}

const policies = ["Allow", "Block"] as const;

function readFilter(request: QueryNode): IpFilter {
  const filter = structureOf(request, "Filter");
  if (!filter) refuseOn(validationError([notNull("filter")]));
  const name = filter && textOf(filter, "Name");
  const ipFilter = filter && structureOf(filter, "IpFilter");
  const asked = ipFilter && textOf(ipFilter, "Policy");
  const policy = policies.find((known) => known === asked);
  const cidr = ipFilter && textOf(ipFilter, "Cidr");
  refuseOn(
    validationError([
      ...(name === undefined ? [notNull("filter.name")] : []),
      ...(ipFilter ? [] : [notNull("filter.ipFilter")]),
      ...(ipFilter && asked === undefined ? [notNull("filter.ipFilter.policy")] : []),
      ...(asked !== undefined && policy === undefined ? [notInSet("filter.ipFilter.policy", policies)] : []),
      ...(ipFilter && cidr === undefined ? [notNull("filter.ipFilter.cidr")] : []),
    ]),
  );
  refuseOn(validateFilterName(name));
  refuseOn(validateCidr(cidr ?? ""));
  return { name: name ?? "", policy: policy ?? "Block", cidr: cidr ?? "" };
}
