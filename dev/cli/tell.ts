import type { Op } from '../../lib/api/op.ts';
import type { FailureCode, SuccessReplies } from '../../lib/api/outcomes.ts';
import type { Answer, Failure } from '../../lib/client/allocator-client.ts';
import type { Io } from './command.ts';
import { clean } from './render/clean.ts';

/** What to do about each failure. */
const ADVICE: Record<FailureCode, string> = {
  invalid_request: 'The request has to change; --help has what it may be.',
  unauthorised: 'Set GAME_ALLOCATOR_TOKEN (or --token) to one of API_TOKENS, or to the CONSOLE_TOKEN of a relay.',
  not_found: 'Its record is over, or it was never assigned: `assign` places it.',
  conflict: 'Look at the key in Redis; once it is gone, `assign` works.',
  too_large: 'A request has at most 16 KiB.',
  no_capacity: '`fleet` shows who is full, `explain` who would match; --wait-ms waits over NATS.',
  overloaded: 'Ask again in a second. The relay takes MAX_IN_FLIGHT and RATE_LIMIT_PER_S.',
  no_instance: '`fleet` shows whose checks fail, `explain` who matches what is required.',
  upstream_unavailable: '`game-allocator doctor` says what is not reachable, and what to do about it.',
  deadline_exceeded: 'Ask again, with a longer --timeout; `game-allocator doctor` shows what is slow.',
};

/** Prints what an operation came to, and returns the exit code. Of a failure also what to do next, on stderr. */
export async function tell<O extends Op>(
  { stdout, stderr }: Io,
  json: boolean,
  answer: Answer<O>,
  toText: (reply: SuccessReplies[O]) => string,
): Promise<number> {
  if (json) await stdout.write(`${toJson(answer)}\n`);
  else if (answer.success) await stdout.write(`${toText(answer as SuccessReplies[O])}\n`);
  else await stderr.write(`${failureText(answer)}\n`);
  return answer.success ? 0 : 1;
}

/** As it came: what the client knows beside that is not part of a reply. */
export function toJson(answer: object): string {
  return JSON.stringify(answer, (key, value) => (key === 'cause' ? undefined : value));
}

export function failureText({ code, message }: Failure): string {
  // A relay of a newer version may know more.
  const advice: string | undefined = ADVICE[code];
  return clean(`${code}: ${message}`) + (advice === undefined ? '' : `\n  ${advice}`);
}
