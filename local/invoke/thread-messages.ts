/** What a worker thread is started with. */
export interface ThreadData {
  readonly configPath: string;
  readonly prefix: string;
}

export interface ThreadInvocation {
  readonly id: number;
  readonly functionName: string;
  readonly event: unknown;
  readonly requestId: string;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  /** The owner's time in ms since the Unix epoch, and whether its clock runs by itself. */
  readonly now: number;
  readonly ticking: boolean;
}

export type ThreadResult =
  | { readonly kind: "returned"; readonly value: unknown }
  | { readonly kind: "failed"; readonly code: string; readonly cause: string };
