export interface Poll {
  stop(): void;
}

export interface Pace {
  /** ms between the starts of two rounds. */
  readonly everyMs: number;
  /** The same while nobody sees the page. */
  readonly hiddenMs: number;
}

/** A door that takes long is asked less often: it has other things to do. */
const REST_PER_TIME_TAKEN = 2;

/** Runs `round` again and again, one at a time, and at once when the page comes back into view. */
export function startPoll({ everyMs, hiddenMs }: Pace, round: () => Promise<void>): Poll {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;
  let stopped = false;

  async function run(): Promise<void> {
    clearTimeout(timer);
    if (running || stopped) return;
    running = true;
    const startedAt = performance.now();
    await round();
    running = false;
    const took = performance.now() - startedAt;
    const every = document.hidden ? hiddenMs : everyMs;
    if (!stopped) timer = setTimeout(() => void run(), Math.max(every - took, took * REST_PER_TIME_TAKEN));
  }

  function onVisible(): void {
    if (!document.hidden) void run();
  }

  document.addEventListener('visibilitychange', onVisible);
  void run();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    },
  };
}
