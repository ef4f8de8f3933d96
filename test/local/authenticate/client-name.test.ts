import { expect, test } from "vitest";
import { clientName } from "../../../local/authenticate/client-name.ts";
import { zoneResolver } from "../../../local/authenticate/resolver.ts";
import { loadZone } from "../../../local/authenticate/zone.ts";

const resolver = zoneResolver(
  loadZone(
    JSON.stringify({
      "25.113.0.203.in-addr.arpa": { PTR: ["mx.sender.example.", "second.sender.example"] },
      "26.113.0.203.in-addr.arpa": { PTR: "TIMEOUT" },
      "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": { PTR: ["six.sender.example"] },
    }),
  ),
);

test.for<[string, string | undefined]>([
  ["203.0.113.25", "mx.sender.example"],
  ["::ffff:203.0.113.25", "mx.sender.example"],
  ["2001:db8::1", "six.sender.example"],
  ["2001:db8::1%eth0", "six.sender.example"],
  ["203.0.113.26", undefined],
  ["203.0.113.27", undefined],
  ["", undefined],
])("%s is %s", async ([ip, name]) => expect(await clientName(ip, resolver)).toBe(name));
