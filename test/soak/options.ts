import { parseArgs } from 'node:util';

export interface SoakOptions {
  readonly minutes: number;
  /** Requests a second, whether or not the earlier ones have been answered. */
  readonly rate: number;
  readonly seed: string;
  /** Where the verdict is written as JSON. */
  readonly jsonFile: string | undefined;
  readonly help: boolean;
}

const MOST_MINUTES = 24 * 60;
const MOST_PER_SECOND = 2000;

export const USAGE = `Usage: npm run soak [-- --minutes N] [--rate R] [--seed S] [--json FILE]

Runs the whole service on this machine under load, does it a real harm every three seconds (a process killed or stopped,
replies lost on the way, wrong answers), takes that back after a moment, and checks every reply against the promises.
Ends with one line, and with 1 where a promise was broken. Ctrl-C ends it early, with the verdict so far.

  --minutes N   how long, 0.1 to ${MOST_MINUTES} (default 10)
  --rate R      requests a second, 1 to ${MOST_PER_SECOND} (default 200)
  --seed S      which faults and which requests; the same again with the same seed (default 1)
  --json FILE   also write the verdict with its figures as JSON
  --help        print this and exit`;

/** The options, or what is wrong with them. */
export function readOptions(argv: readonly string[]): SoakOptions | { readonly problem: string } {
  let values: { minutes: string; rate: string; seed: string; json?: string; help: boolean };
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        minutes: { type: 'string', default: '10' },
        rate: { type: 'string', default: '200' },
        seed: { type: 'string', default: '1' },
        json: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  const minutes = Number(values.minutes);
  if (!(minutes >= 0.1 && minutes <= MOST_MINUTES)) {
    return { problem: `--minutes must be a number from 0.1 to ${MOST_MINUTES}, not ${values.minutes}.` };
  }
  const rate = Number(values.rate);
  if (!(rate >= 1 && rate <= MOST_PER_SECOND)) {
    return { problem: `--rate must be a number from 1 to ${MOST_PER_SECOND}, not ${values.rate}.` };
  }
  return { minutes, rate, seed: values.seed, jsonFile: values.json, help: values.help };
}
