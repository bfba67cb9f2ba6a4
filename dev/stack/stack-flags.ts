import { parseArgs } from 'node:util';

export interface StackFlags {
  readonly instances: number;
  readonly mixed: boolean;
}

const MOST_INSTANCES = 10_000;

/** Reads --instances, --mixed and --help; prints `usage` and ends the process for --help and for anything unknown. */
export function readStackFlags(usage: string): StackFlags {
  const { instances, mixed, help } = parse(usage);
  if (help) {
    console.log(usage);
    process.exit(0);
  }
  const count = Number(instances);
  if (!Number.isInteger(count) || count < 1 || count > MOST_INSTANCES) {
    return refuse(`--instances must be a whole number from 1 to ${MOST_INSTANCES}, not ${instances}.`, usage);
  }
  return { instances: count, mixed };
}

/** Prints what is wrong and how it is meant, and ends the process with 2. */
export function refuse(problem: string, usage: string): never {
  console.error(`${problem}\n\n${usage}`);
  process.exit(2);
}

function parse(usage: string) {
  try {
    const { values } = parseArgs({
      options: {
        instances: { type: 'string', default: '5' },
        mixed: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), usage);
  }
}
