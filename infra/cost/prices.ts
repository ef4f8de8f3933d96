import priceFile from "./prices.json" with { type: "json" };

export type PriceKey = keyof typeof priceFile.prices;
export type QuotaKey = keyof typeof priceFile.quotas;

/** Where a figure is from. `readIn`: where it was read, when not on the page that publishes it. */
export interface Source {
  readonly published: string;
  readonly readIn?: string;
  /** ISO 8601, or a month. */
  readonly asOf: string;
}

export interface Price extends Source {
  readonly usd: number;
  /** So many units for it. */
  readonly per: number;
  readonly unit: string;
  /** Always free, in each month, for the whole account. */
  readonly freePerMonth?: number;
}

export interface Quota extends Source {
  readonly limit: number;
  readonly says: string;
  readonly remedy: string;
}

/** What somebody else asks for receiving mail. */
export interface OtherService extends Source {
  readonly name: string;
  readonly does: string;
  readonly monthly: number;
  /** Mails in the monthly price. */
  readonly included: number;
  readonly perThousand: number;
  readonly replaces: string;
  /** Mails a month up to which a price is published. */
  readonly upTo?: number;
}

export const prices: Readonly<Record<PriceKey, Price>> = priceFile.prices;
export const quotas: Readonly<Record<QuotaKey, Quota>> = priceFile.quotas;
export const others: readonly OtherService[] = priceFile.others;
export const assumed = priceFile.assumed;
export const { region: priceRegion, readOn: pricesReadOn } = priceFile;
