import { join } from 'node:path';
import type { Env } from '../../lib/config/env.ts';
import { readStackFile } from '../stack/stack-file.ts';
import { wholeNumberOf } from './arguments.ts';
import { CannotGoOn, WrongUsage } from './command.ts';

/** Where the allocator is asked. */
export type DoorAddress =
  | { readonly kind: 'nats'; readonly url: string }
  | { readonly kind: 'http'; readonly url: URL; readonly token: string | undefined };

/** For parseArgs: what every command that asks takes. */
export const DOOR_OPTIONS = {
  nats: { type: 'string' },
  url: { type: 'string' },
  token: { type: 'string' },
  timeout: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** The same for `--help`. */
export const DOOR_USAGE = `  --json                 print the reply as it came, one line of JSON
  --nats URL             ask over NATS, with the relay's variables for credentials and TLS (NATS_CREDS_FILE, ...)
  --url URL              ask over HTTPS: the address of the HTTP API, or of a relay that has CONSOLE_TOKEN
  --token TOKEN          the bearer token for it; better in GAME_ALLOCATOR_TOKEN, since \`ps\` shows arguments
  --timeout MS           how long to wait, 100 to 10000, default 3000
  --help                 print this and exit

Without --nats and --url: GAME_ALLOCATOR_NATS, else GAME_ALLOCATOR_URL, else the stack of \`npm start\` in this folder.`;

export interface DoorValues {
  readonly nats?: string | undefined;
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly timeout?: string | undefined;
}

/** More than the allocator's default of half a second: a person waits, and a first request may meet a cold start. */
const DEFAULT_TIMEOUT_MS = 3000;

export function timeoutOf({ timeout }: DoorValues): number {
  return wholeNumberOf('timeout', timeout, 100, 10_000) ?? DEFAULT_TIMEOUT_MS;
}

/** What the options say, else the environment, else the stack that runs in `folder`. */
export async function findDoor(options: DoorValues, env: Env, folder = process.cwd()): Promise<DoorAddress> {
  if (options.nats !== undefined && options.url !== undefined) throw new WrongUsage('Only one of --nats and --url.');
  if (options.nats !== undefined && options.token !== undefined) throw new WrongUsage('--token goes with --url.');
  const token = options.token ?? (env['GAME_ALLOCATOR_TOKEN'] || undefined);
  if (options.nats !== undefined) return { kind: 'nats', url: options.nats };
  if (options.url !== undefined) return { kind: 'http', url: readUrl('--url', options.url), token };
  const nats = env['GAME_ALLOCATOR_NATS'];
  if (nats) return { kind: 'nats', url: nats };
  const url = env['GAME_ALLOCATOR_URL'];
  if (url) return { kind: 'http', url: readUrl('GAME_ALLOCATOR_URL', url), token };
  const stack = await readStackFile(stackFileOf(env, folder));
  if (stack !== undefined) return { kind: 'nats', url: stack.natsUrl };
  throw new CannotGoOn(
    'No stack runs in this folder: start one with `npm start`, in another terminal, or say whom to ask (--nats, --url).',
  );
}

/** Where `npm start` in `folder` leaves its addresses. */
export function stackFileOf(env: Env, folder = process.cwd()): string {
  return env['STACK_FILE'] || join(folder, '.local', 'stack.json');
}

function readUrl(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new WrongUsage(`${name} must be an http or https URL.`);
}
