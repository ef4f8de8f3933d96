"""Checks one mail with python3-dkim, python3-spf and python3-authheaders; DNS is a JSON object on the command line."""
import json
import sys

import dkim
import spf
from authheaders import authenticate_message

zone = json.loads(sys.argv[1])
ip, mail_from, helo = sys.argv[2:5]
raw = sys.stdin.buffer.read()


def name_of(name):
    return (name.decode() if isinstance(name, bytes) else str(name)).rstrip(".").lower()


def txt(name, timeout=5):
    values = zone.get(name_of(name))
    return values.encode() if values is not None else None


def any_txt(name, timeout=5):
    # authheaders asks for policies as text, and for keys as dkim does.
    return zone.get(name_of(name)) if name_of(name).startswith("_dmarc.") else txt(name)


spf.DNSLookup = lambda name, qtype, *_, **__: (
    [((name, "TXT"), [zone[name_of(name)].encode()])] if qtype == "TXT" and name_of(name) in zone else []
)
signatures = []
checker = dkim.DKIM(raw)
for index in range(sum(name.lower() == b"dkim-signature" for name, _ in checker.headers)):
    try:
        ok = checker.verify(idx=index, dnsfunc=txt)
        signatures.append([ok, checker.domain.decode()])
    except dkim.DKIMException:
        signatures.append([False, ""])
chain, sets, why = dkim.ARC(raw).verify(dnsfunc=txt)
results = authenticate_message(
    raw, "mx.away.example", spf=True, dkim=True, arc=True, dmarc=True,
    ip=ip, mail_from=mail_from, helo=helo, dnsfunc=any_txt,
)
print(json.dumps({"dkim": signatures, "arc": chain.decode(), "why": str(why), "sets": len(sets), "results": results}))
