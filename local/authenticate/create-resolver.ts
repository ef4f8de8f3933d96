import type { ResolvedLocal } from "../../shared/config/types.ts";
import type { Clock } from "../../shared/ports.ts";
import { cachingResolver, type Resolver, systemResolver, zoneResolver } from "./resolver.ts";
import { loadZone } from "./zone.ts";

/**
 * The resolver that `local.dns` asks for; one for the whole process.
 *
 * @throws {ZoneFileError} when the zone file cannot be used
 * @throws {TypeError} when a name server is no IP address with an optional port
 */
export function createResolver(config: ResolvedLocal["dns"], clock: Clock): Resolver {
  switch (config.kind) {
    case "zone":
      return zoneResolver(loadZone(config.file));
    case "servers":
      return cachingResolver(systemResolver({ servers: config.servers, clock }), { clock });
    case "system":
      return cachingResolver(systemResolver({ clock }), { clock });
  }
}
