// Three charsets that mail still carries and that WHATWG's decoders refuse. Each maps onto one that they know.

/** UTF-7 (RFC 2152): `+` base64 of UTF-16BE `-`. */
export function decodeUtf7(octets: Uint8Array): string {
  const input = Buffer.from(octets).toString("latin1");
  return input.replace(/\+([A-Za-z0-9+/]*)-?/g, (_, data: string) => {
    if (data === "") return "+";
    const units = Buffer.from(data, "base64");
    return new TextDecoder("utf-16be").decode(units.subarray(0, units.length - (units.length % 2)));
  });
}

/** HZ (RFC 1843): `~{` GB 2312 in seven bits `~}`; `~~` is a tilde, `~` at the end of a line joins it. */
export function decodeHz(octets: Uint8Array): string {
  const out: number[] = [];
  let chinese = false;
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] as number;
    const next = octets[at + 1];
    if (octet === 0x7e && (next === 0x7b || next === 0x7d)) {
      chinese = next === 0x7b;
      at++;
    } else if (octet === 0x7e && !chinese && (next === 0x7e || next === 0x0a)) {
      if (next === 0x7e) out.push(0x7e);
      at++;
    } else {
      if (octet === 0x0a) chinese = false;
      out.push(chinese ? octet | 0x80 : octet);
    }
  }
  return new TextDecoder("gb18030").decode(Uint8Array.from(out));
}

/** ISO-2022-KR (RFC 1557): shift-out to KS C 5601 in seven bits, shift-in back to ASCII. */
export function decodeIso2022Kr(octets: Uint8Array): string {
  const out: number[] = [];
  let korean = false;
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] as number;
    if (octet === 0x1b && octets[at + 1] === 0x24 && octets[at + 2] === 0x29 && octets[at + 3] === 0x43) at += 3;
    else if (octet === 0x0e) korean = true;
    else if (octet === 0x0f) korean = false;
    else {
      if (octet === 0x0a) korean = false;
      out.push(korean && octet > 0x20 ? octet | 0x80 : octet);
    }
  }
  return new TextDecoder("euc-kr").decode(Uint8Array.from(out));
}
