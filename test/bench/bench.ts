import type { Pace } from './pace.ts';
import type { Report } from './report.ts';

/** What every part is given. */
export interface Bench {
  readonly pace: Pace;
  readonly report: Report;
  readonly progress: (line: string) => void;
  /** Sees to it that what is being started is stopped when the bench ends, however that happens. */
  readonly started: <T extends Stoppable>(starting: Promise<T>) => Promise<T>;
}

export interface Stoppable {
  /** May be called again. */
  stop(): Promise<void>;
}
