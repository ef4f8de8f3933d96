import * as z from "zod";

/** Which dead letters; without it all. */
export const redriveBody = z.strictObject({ messageIds: z.array(z.string().max(100)).min(1).max(10_000).optional() });
