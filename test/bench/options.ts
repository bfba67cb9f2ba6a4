import { parseArgs } from 'node:util';

/** In the order in which they run: what needs nothing else comes first, the longest last. */
export const PART_NAMES = ['script', 'end-to-end', 'floor', 'relay', 'replaced', 'cold', 'cost', 'steady'] as const;
export type PartName = (typeof PART_NAMES)[number];

export interface BenchOptions {
  readonly parts: readonly PartName[];
  readonly quick: boolean;
  /** Where the figures are written as JSON. */
  readonly jsonFile: string | undefined;
  readonly help: boolean;
}

export const USAGE = `Usage: npm run bench [-- --only NAME[,NAME...]] [--quick] [--json FILE]

Measures the whole service on this machine, with everything on loopback, and prints tables.

  --only NAMES  some parts, separated by commas:
                  script      the placement script's CPU inside Redis, and its commands
                  end-to-end  over NATS at 1, 16, 64, 256 concurrent with 3, 30, 300, 3,000 instances, and the floor
                  floor       the same path with a handler that does one no-op script, alone
                  relay       the relay against one that sends a POST for each message
                  replaced    a model of the replaced service
                  cold        cold starts against a bare handler, and what each package adds
                  cost        calls, and dollars for a million allocations
                  steady      ten minutes at half the measured capacity
  --quick       shorter windows and fewer rounds: the whole in at most 8 minutes instead of 40; steady lasts a minute
  --json FILE   also write {"machine": {...}, "figures": {"<name>": number}}
  --help        print this and exit`;

/** The options, or what is wrong with them. */
export function readOptions(argv: readonly string[]): BenchOptions | { readonly problem: string } {
  let values: { only?: string; json?: string; quick: boolean; help: boolean };
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        only: { type: 'string' },
        json: { type: 'string' },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  const wanted = values.only?.split(',').map((name) => name.trim()) ?? [...PART_NAMES];
  const unknown = wanted.find((name) => !isPartName(name));
  if (unknown !== undefined) return { problem: `There is no part ${unknown}: ${PART_NAMES.join(', ')}.` };
  // `end-to-end` visits the floor in the same rounds.
  const covered = (name: PartName) => name === 'floor' && wanted.includes('end-to-end');
  const parts = PART_NAMES.filter((name) => wanted.includes(name) && !covered(name));
  return { parts, quick: values.quick, jsonFile: values.json, help: values.help };
}

function isPartName(name: string): name is PartName {
  return PART_NAMES.some((known) => known === name);
}
