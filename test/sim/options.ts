import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { POLICY_NAMES, PRODUCT } from './policies/policies.ts';
import { windowInUse } from './prometheus.ts';
import { DEFAULT_TIMING } from './run-scenario.ts';
import type { Settings } from './run-task.ts';
import { AGGREGATE, APART, SCENARIOS } from './scenarios.ts';

export const USAGE = `Usage: npm run sim [-- options]

Simulates fleets of game servers and compares policies that choose where each game goes. This project's own (product) is
the real script in a real Redis. Regret: how much higher than with an oracle that knows everything the most utilised
instance is over the mean, averaged over time; overload: instance-seconds above 90 %, in points above the oracle's.

  --scenario NAME       one of those below; may be repeated, or several with commas (default: all)
  --policy NAME         may be repeated, or several with commas, or all (default: ${PRODUCT})
                        ${POLICY_NAMES.join(', ')}
  --seeds N             runs of each, with other games (default: 1)
  --first-seed N        default: 1
  --jobs N              processes, each with a Redis of its own (default: 2)
  --json FILE           write the figures there
  --write-figures       keep the figures of this run in test/sim/figures.json, where the table takes those from that
                        have not been run
  --picture FILE.svg    only draw what herding looks like, and what this rule does instead

What the ${PRODUCT} runs with:
  --lua PATH            another script with the same interface
  --hints               requests say what the game is expected to use, with an error of 20 %
  --end-reports         games are released when they are over
  --cost-factor F       the configured cost of a game is F times the default (default: 1)
How measurements reach everybody, in whole seconds:
  --scrape-interval S   default: ${DEFAULT_TIMING.scrapeIntervalS}
  --cpu-window S        default: ${DEFAULT_TIMING.cpuWindowS}
  --view-age S          how old an allocator's view gets (default: ${DEFAULT_TIMING.viewAgeS})
  --help                print this and exit

Scenarios of the aggregate: ${AGGREGATE.map(({ name }) => name).join(' ')}
Reported apart: ${APART.map(({ name }) => name).join(' ')}`;

export interface Options {
  readonly help: boolean;
  readonly scenarios: readonly string[];
  readonly policies: readonly string[];
  readonly seeds: readonly number[];
  readonly jobs: number;
  readonly settings: Settings;
  readonly jsonFile?: string;
  readonly writeFigures: boolean;
  readonly pictureFile?: string;
}

/** What is wrong with the command line, in its own words. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function parseOptions(argv: readonly string[]): Options {
  const given = readFlags(argv);
  const timing = {
    scrapeIntervalS: whole(given['scrape-interval'], '--scrape-interval', DEFAULT_TIMING.scrapeIntervalS),
    cpuWindowS: whole(given['cpu-window'], '--cpu-window', DEFAULT_TIMING.cpuWindowS),
    viewAgeS: whole(given['view-age'], '--view-age', DEFAULT_TIMING.viewAgeS),
  };
  if (windowInUse(timing) === undefined) {
    throw new UsageError('--scrape-interval is too long: no rate[1m] would ever have two samples');
  }
  const firstSeed = whole(given['first-seed'], '--first-seed', 1);
  const seeds = whole(given.seeds, '--seeds', 1);
  const { lua, json, picture } = given;
  if (lua !== undefined && !existsSync(lua)) throw new UsageError(`--lua: there is no file ${lua}`);
  return {
    help: given.help ?? false,
    scenarios: names(
      given.scenario,
      '--scenario',
      SCENARIOS.map(({ name }) => name),
      SCENARIOS.map(({ name }) => name),
    ),
    policies: names(given.policy, '--policy', POLICY_NAMES, [PRODUCT]),
    seeds: Array.from({ length: seeds }, (_, index) => firstSeed + index),
    jobs: whole(given.jobs, '--jobs', 2),
    settings: {
      timing,
      hints: given.hints ?? false,
      endReports: given['end-reports'] ?? false,
      costFactor: positive(given['cost-factor'], '--cost-factor', 1),
      ...(lua !== undefined && { luaPath: lua }),
    },
    ...(json !== undefined && { jsonFile: json }),
    writeFigures: given['write-figures'] ?? false,
    ...(picture !== undefined && { pictureFile: picture }),
  };
}

/** Whether figures of this run can stand beside others that were made with the defaults. */
export function isDefaultModel({ settings: { timing } }: Options): boolean {
  const { scrapeIntervalS, cpuWindowS, viewAgeS } = DEFAULT_TIMING;
  return timing.scrapeIntervalS === scrapeIntervalS && timing.cpuWindowS === cpuWindowS && timing.viewAgeS === viewAgeS;
}

/** Whether the product ran as it is by default. */
export function isDefaultProduct({ settings }: Options): boolean {
  return !settings.hints && !settings.endReports && settings.costFactor === 1 && settings.luaPath === undefined;
}

function readFlags(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const list = { type: 'string', multiple: true } as const;
  try {
    return parseArgs({
      args: [...argv],
      options: {
        scenario: list,
        policy: list,
        seeds: text,
        'first-seed': text,
        jobs: text,
        json: text,
        'write-figures': flag,
        picture: text,
        lua: text,
        hints: flag,
        'end-reports': flag,
        'cost-factor': text,
        'scrape-interval': text,
        'cpu-window': text,
        'view-age': text,
        help: flag,
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function names(
  given: readonly string[] | undefined,
  option: string,
  known: readonly string[],
  otherwise: readonly string[],
): readonly string[] {
  const asked = given?.flatMap((text) => text.split(',')).map((name) => name.trim());
  if (asked === undefined) return otherwise;
  if (option === '--policy' && asked.includes('all')) return known;
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(`${option} ${unknown.join(', ')}: not known; known are ${known.join(', ')}`);
  }
  return known.filter((name) => asked.includes(name));
}

function whole(text: string | undefined, option: string, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`${option} must be a whole number above 0`);
  return value;
}

function positive(text: string | undefined, option: string, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new UsageError(`${option} must be a number above 0`);
  return value;
}
