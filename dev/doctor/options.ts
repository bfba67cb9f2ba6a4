import { parseHttpUrl } from '../../lib/config/env.ts';
import { noArguments, readArguments, wholeNumberOf } from '../cli/arguments.ts';
import { WrongUsage } from '../cli/command.ts';

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

export const DOCTOR_USAGE = `Usage: game-allocator doctor [--json] [--timeout MS] [--skip NAME]... [--relay URL]

Asks everything that the allocator needs, and says what answers, how fast, in which version, and what to do about what
does not. Without variables of its own it asks the stack that \`npm start\` brought up in this folder; else it reads the
environment as the functions and the relay do. Changes nothing, but for the golden decisions (\`placement\`): those are
played in the configured Redis under a prefix of their own, some 5,400 commands, which is removed afterwards.

  --json        the same as JSON
  --timeout MS  how long each question may take, default 5000
  --skip NAME   do not ask that one, may be repeated: ${CHECK_NAMES.slice(1).join(', ')}
  --relay URL   where the relay answers /readyz, such as http://relay.internal:5005
  --help        print this and exit

Examples:
  game-allocator doctor
  game-allocator doctor --relay http://relay:5005 --skip ssm
  game-allocator doctor --json | jq .ok

Exits 0 when nothing failed, 1 when something did, 2 for wrong usage.`;

export interface DoctorOptions {
  readonly json: boolean;
  readonly timeoutMs: number;
  readonly skip: ReadonlySet<string>;
  readonly relayUrl: URL | undefined;
}

/** Throws WrongUsage for anything unknown. */
export function readDoctorOptions(args: readonly string[]): DoctorOptions {
  const { values, positionals } = readArguments(args, {
    json: { type: 'boolean', default: false },
    timeout: { type: 'string' },
    skip: { type: 'string', multiple: true, default: [] as string[] },
    relay: { type: 'string' },
  });
  noArguments(positionals);
  const { json, skip, relay } = values;
  const timeoutMs = wholeNumberOf('timeout', values.timeout, 1, 600_000) ?? 5000;
  const unknown = skip.find((name) => !CHECK_NAMES.slice(1).some((known) => known === name));
  if (unknown !== undefined) throw new WrongUsage(`--skip knows no ${unknown}.`);
  const relayUrl = relay === undefined ? undefined : parseHttpUrl(relay);
  if (relay !== undefined && relayUrl === undefined) throw new WrongUsage('--relay must be an http URL.');
  return { json, timeoutMs, skip: new Set(skip), relayUrl };
}
