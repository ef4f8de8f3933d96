export interface AddressListEntry {
  /** As written, white space around it gone; `<ann@x.example>` without a name is only the address. */
  readonly text: string;
  /** Without display name and comments; absent when the entry holds no address. */
  readonly address?: string;
}

/**
 * Splits the value of an address header (RFC 5322 §3.4) into its entries without rewriting them. Groups contribute their
 * members, an empty group nothing. One pass; never throws, whatever quotes and brackets are left open.
 */
export function splitAddressList(value: string): AddressListEntry[] {
  const entries: AddressListEntry[] = [];
  let start = 0;
  let inQuotes = false;
  let commentDepth = 0;
  let angleFrom = -1;
  let angle: string | undefined;
  /** The entry without comments, to find a bare address in. */
  let bare = "";

  const flush = (end: number) => {
    const text = value.slice(start, end).trim();
    const address = (angle ?? bare).trim();
    if (text !== "") {
      const onlyAngle = angle !== undefined && text === `<${angle}>`;
      entries.push({
        text: onlyAngle ? address : text,
        ...(address.includes("@") && { address: withoutRoute(address) }),
      });
    }
    restart(end + 1);
  };
  const restart = (at: number) => {
    start = at;
    angle = undefined;
    angleFrom = -1;
    bare = "";
  };

  for (let at = 0; at < value.length; at++) {
    const character = value[at];
    if (character === "\\" && (inQuotes || commentDepth > 0)) {
      if (commentDepth === 0) bare += value.slice(at, at + 2);
      at++;
    } else if (commentDepth > 0) {
      if (character === "(") commentDepth++;
      if (character === ")") commentDepth--;
    } else if (character === '"') {
      inQuotes = !inQuotes;
      bare += character;
    } else if (inQuotes) {
      bare += character;
    } else if (character === "(") {
      commentDepth = 1;
    } else if (angleFrom !== -1) {
      if (character !== ">") continue;
      angle = value.slice(angleFrom, at);
      angleFrom = -1;
    } else if (character === "<") {
      angleFrom = at + 1;
    } else if (character === "," || character === ";") {
      flush(at);
    } else if (character === ":" && angle === undefined && !bare.includes("@")) {
      // The name of a group: its members stand for it.
      restart(at + 1);
    } else {
      bare += character;
    }
  }
  flush(value.length);
  return entries;
}

/** RFC 5322 §4.4: `@relay.example:ann@x.example`. */
function withoutRoute(address: string): string {
  return address.startsWith("@") ? address.slice(address.indexOf(":") + 1).trim() : address;
}
