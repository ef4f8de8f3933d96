/** How a mail comes in; `""`: as it would without being told. */
export interface Entrance {
  readonly ip: string;
  readonly helo: string;
  readonly envelopeFrom: string;
  readonly nullSender: boolean;
  readonly spf: string;
  readonly dkim: string;
  readonly dmarc: string;
  readonly spam: string;
  readonly virus: string;
}

export const noEntrance: Entrance = {
  ip: "",
  helo: "",
  envelopeFrom: "",
  nullSender: false,
  spf: "",
  dkim: "",
  dmarc: "",
  spam: "",
  virus: "",
};

const checks = {
  spf: ["pass", "fail", "softfail", "neutral", "none", "temperror"],
  dkim: ["pass", "fail", "none", "temperror"],
  dmarc: ["pass", "fail", "none", "temperror"],
  spam: ["PASS", "FAIL", "GRAY", "PROCESSING_FAILED"],
  virus: ["PASS", "FAIL", "GRAY", "PROCESSING_FAILED"],
} as const;

/** The API's words for it. */
export function entranceOf({ ip, helo, envelopeFrom, nullSender, ...results }: Entrance): object {
  const authentication = Object.fromEntries(Object.entries(results).filter(([, value]) => value !== ""));
  return {
    ...(ip !== "" && { ip }),
    ...(helo !== "" && { helo }),
    ...(nullSender ? { envelopeFrom: "" } : envelopeFrom !== "" && { envelopeFrom }),
    ...(Object.keys(authentication).length > 0 && { authentication }),
  };
}

export function EntranceFields({ entrance, change }: { entrance: Entrance; change: (next: Entrance) => void }) {
  const text = (name: "ip" | "helo" | "envelopeFrom", title: string, placeholder: string) => (
    <label>
      {title}
      <input
        type="text"
        value={entrance[name]}
        placeholder={placeholder}
        disabled={name === "envelopeFrom" && entrance.nullSender}
        onInput={(event) => change({ ...entrance, [name]: event.currentTarget.value })}
      />
    </label>
  );
  return (
    <details>
      <summary>Connection and check results</summary>
      <div class="fields inner">
        <div class="pair">
          {text("ip", "Client's IP address", "203.0.113.25")}
          {text("helo", "HELO name", "mx.sender.example")}
        </div>
        <div class="pair">
          {text("envelopeFrom", "Envelope sender", "the author's address")}
          <label class="check">
            <input
              type="checkbox"
              checked={entrance.nullSender}
              onChange={(event) => change({ ...entrance, nullSender: event.currentTarget.checked })}
            />
            Null sender {"<>"}
          </label>
        </div>
        <div class="five">
          {Object.entries(checks).map(([name, values]) => (
            <label key={name}>
              {name.length < 6 && name !== "spam" && name !== "virus" ? name.toUpperCase() : name}
              <select
                value={entrance[name as keyof typeof checks]}
                onChange={(event) => change({ ...entrance, [name]: event.currentTarget.value })}
              >
                <option value="">find out</option>
                {values.map((value) => (
                  <option key={value} value={value}>
                    {value}
                  </option>
                ))}
              </select>
            </label>
          ))}
        </div>
      </div>
    </details>
  );
}
