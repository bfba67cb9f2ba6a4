import { parseArgs } from 'node:util';
import { parseHttpUrl } from '../../lib/config/env.ts';
import { refuse } from '../stack/stack-flags.ts';

/** What is asked, in the order of the table. */
export const CHECK_NAMES = [
  'configuration',
  'ssm',
  'consul',
  'prometheus',
  'redis',
  'placement',
  'nats',
  'function',
  'relay',
] as const;
export type CheckName = (typeof CHECK_NAMES)[number];

export const DOCTOR_USAGE = `Usage: npm run doctor [-- --json] [--timeout MS] [--skip NAME]... [--relay URL]

Asks everything that the allocator needs, and says what answers, how fast, in which version, and what to do about what
does not. Without variables of its own it asks the stack that \`npm start\` brought up in this folder; else it reads the
environment as the functions and the relay do. Changes nothing, but for the golden decisions (\`placement\`): those are
played in the configured Redis under a prefix of their own, some 5,400 commands, which is removed afterwards.

  --json        the same as JSON
  --timeout MS  how long each question may take, default 5000
  --skip NAME   do not ask that one, may be repeated: ${CHECK_NAMES.slice(1).join(', ')}
  --relay URL   where the relay answers /readyz, such as http://relay.internal:5005
  --help        print this and exit

Exits 0 when nothing failed, 1 when something did, 2 for wrong usage.`;

export interface DoctorOptions {
  readonly json: boolean;
  readonly timeoutMs: number;
  readonly skip: ReadonlySet<string>;
  readonly relayUrl: URL | undefined;
}

/** Prints the usage and ends the process for --help and for anything unknown. */
export function readDoctorOptions(args: readonly string[]): DoctorOptions {
  const { json, timeout, skip, relay, help } = parse(args);
  if (help) {
    console.log(DOCTOR_USAGE);
    process.exit(0);
  }
  const timeoutMs = Number(timeout);
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 600_000) {
    return refuse('--timeout must be a whole number of milliseconds from 1 to 600000.', DOCTOR_USAGE);
  }
  const unknown = skip.find((name) => !CHECK_NAMES.slice(1).some((known) => known === name));
  if (unknown !== undefined) return refuse(`--skip knows no ${unknown}.`, DOCTOR_USAGE);
  const relayUrl = relay === undefined ? undefined : parseHttpUrl(relay);
  if (relay !== undefined && relayUrl === undefined) return refuse('--relay must be an http URL.', DOCTOR_USAGE);
  return { json, timeoutMs, skip: new Set(skip), relayUrl };
}

function parse(args: readonly string[]) {
  try {
    const options = {
      json: { type: 'boolean', default: false },
      timeout: { type: 'string', default: '5000' },
      skip: { type: 'string', multiple: true, default: [] as string[] },
      relay: { type: 'string' },
      help: { type: 'boolean', default: false },
    } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), DOCTOR_USAGE);
  }
}
