import { styleText } from 'node:util';
import type { ExplainReply } from '../../../lib/api/insight-replies.ts';
import { formatTable } from '../../stack/format-table.ts';
import { clean } from './clean.ts';
import { count, percent, seconds, words } from './words.ts';

/** The sentence, and every candidate with its figures, the best first. */
export function explainText(reply: ExplainReply, colour: boolean): string {
  const { message, degraded, game, candidates } = reply;
  const rows = candidates.map((candidate) => [
    clean(candidate.instance_id),
    candidate.reason === 'chosen' ? styled('green', 'chosen') : clean(words(candidate.reason)),
    candidate.score === undefined ? '-' : candidate.score.toFixed(4),
    percent(candidate.cpu),
    percent(candidate.ram),
    count(candidate.cpu_pending && Number(candidate.cpu_pending.toFixed(1))),
    count(candidate.ram_pending && Number(candidate.ram_pending.toFixed(1))),
    count(candidate.games),
    seconds(candidate.sample_age_s),
    candidate.state === undefined ? '-' : words(candidate.state),
  ]);
  const head = ['instance', 'why', 'score', 'CPU', 'RAM', 'CPU pending', 'RAM pending', 'games', 'sample', ''];
  const expected = `The best first. CPU and RAM are with the game, which is expected to use ${Number(game.cpu_cores.toFixed(3))} cores and ${mib(game.memory_bytes)} MiB.`;
  return [
    clean(message),
    ...(degraded ? [styled('yellow', `Degraded: no fresh answer of ${clean(degraded.join(', '))}.`)] : []),
    '',
    ...(rows.length === 0 ? ['There is no candidate.'] : [formatTable(head, rows), '', expected]),
  ].join('\n');

  function styled(format: 'green' | 'yellow', text: string): string {
    return colour ? styleText(format, text, { validateStream: false }) : text;
  }
}

function mib(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(0);
}
