import type { DecidedFields } from '../../../lib/app/decision-lines.ts';
import { clean } from '../render/clean.ts';
import type { Difference, Replayed } from './replay-log.ts';

/** What came of a replay, for people; at most `most` differences. */
export function toText(replayed: Replayed, most: number): string {
  const { decisions, different, differences, outcomes, without_snapshot, unreadable } = replayed;
  const shown = differences.slice(0, most);
  return [
    `${count(decisions, 'decision')} made again: ${different === 0 ? '0 differences' : count(different, 'difference')}`,
    `  as logged: ${Object.entries(outcomes)
      .map(([outcome, times]) => `${times} ${outcome}`)
      .join(', ')}`,
    ...(without_snapshot > 0 ? [`  left out: ${without_snapshot} of which the log has not the whole snapshot`] : []),
    ...(unreadable > 0 ? [`  left out: ${count(unreadable, 'line')} cut off, or of another version`] : []),
    ...shown.map(toLine),
    ...(different > shown.length ? [`... and ${different - shown.length} more`] : []),
  ].join('\n');
}

function toLine({ at_ms, game_id, level, logged, now }: Difference): string {
  const at = new Date(at_ms).toISOString();
  return `${at} ${clean(game_id)} (${level}): ${decided(logged)}; now ${decided(now)}`;
}

function decided({ outcome, winner, winner_score, runner_up, runner_up_score }: DecidedFields): string {
  if (winner === undefined) return outcome;
  const second = runner_up === undefined ? '' : ` before ${clean(runner_up)} ${score(runner_up_score)}`;
  return `${clean(winner)} ${score(winner_score)}${second}`;
}

function score(value = 0): string {
  return value.toPrecision(6);
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
