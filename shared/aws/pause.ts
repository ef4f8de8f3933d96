/** Waits before another try: a random part of `atMostMs`, so that those who met do not meet again. */
export function pauseUpTo(atMostMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * atMostMs));
}
