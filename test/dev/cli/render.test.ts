import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { explainText } from '../../../dev/cli/render/explain-text.ts';
import { fleetText } from '../../../dev/cli/render/fleet-text.ts';
import { cut, openScreen } from '../../../dev/cli/render/screen.ts';
import { bars } from '../../../dev/cli/render/words.ts';
import type { ExplainReply } from '../../../lib/api/insight-replies.ts';
import { fakeIo } from './fake-io.ts';
import { fleetOf, instance } from './fleets.ts';

const plain = { sort: 'cpu', colour: false } as const;

it('shows each instance with what is measured, expected and recent', () => {
  const reply = fleetOf(
    [
      instance('10.0.0.1'),
      instance('10.0.0.2', { cpu: 0.9, max_games: 8, state: 'full', recent: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] }),
      { instance_id: '10.0.0.3', status: 'draining', cpu_cores: 2, memory_bytes: 1e9 },
    ],
    { failing: ['10.0.0.7', '10.0.0.8', '10.0.0.9', '10.0.1.0'], degraded: ['prometheus'] },
  );

  expect(fleetText(reply, plain)).toBe(`\
game-service at 12:34:56 UTC: 2 eligible, 1 draining, 4 failing; 14 games of about 0.25 cores, 256 MiB
consul ok (1.2 s old)   prometheus degraded (31 s old)   redis ok
degraded: prometheus
failing: 10.0.0.7, 10.0.0.8, 10.0.0.9 and 1 more

instance       takes games     CPU  expected     RAM  expected  games   sample  last 5 min
-------------  -----------  ------  --------  ------  --------  ------  ------  ----------
10.0.0.2:5002  full         50.0 %    90.0 %  50.0 %    53.0 %  7 of 8   3.2 s
10.0.0.1:5002  yes          50.0 %    56.3 %  50.0 %    53.0 %  7        3.2 s  ▁    █▄▂▁
10.0.0.3       draining          -         -       -         -  -            -`);
});

it.each([
  { sort: 'cpu', first: 'c' },
  { sort: 'ram', first: 'b' },
  { sort: 'games', first: 'a' },
  { sort: 'id', first: 'a' },
] as const)('puts $first first by $sort', ({ sort, first }) => {
  const reply = fleetOf([
    instance('a', { games: 9 }),
    instance('b', { ram: 0.8 }),
    { instance_id: 'c', status: 'eligible', cpu_cores: 4, memory_bytes: 1e9, cpu_used: 3.9 },
  ]);

  expect(fleetText(reply, { sort, colour: false }).split('\n')[5]).toMatch(new RegExp(`^${first}`));
});

it.each([8, 12, 24, 60])('fits 1,000 instances into %i lines, and says how many it left out', (rows) => {
  const ids = Array.from({ length: 1000 }, (_, index) => instance(`10.0.${index >> 8}.${index & 255}`));
  const lines = fleetText(fleetOf(ids), { ...plain, rows }).split('\n');

  expect(lines).toHaveLength(rows);
  expect(lines.at(-1)).toBe(`and ${1000 - (rows - 6)} more (--sort cpu; --once shows all of them)`);
  expect(fleetText(fleetOf(ids), plain).split('\n')).toHaveLength(1000 + 5);
});

it('shows a fleet of nobody, and one without Redis', () => {
  const { game: _, recent: __, ...rest } = fleetOf([]);

  expect(fleetText(rest, plain)).toMatch(/^game-service at 12:34:56 UTC: 0 eligible; 0 games\n/);
});

it('uses colour only where it is told, and never what others wrote into their names', () => {
  const reply = fleetOf([instance('\u001b[31m10.0.0.1\u0007')], { failing: ['\u001b[2J'] });
  const coloured = fleetText(reply, { ...plain, colour: true });

  expect(fleetText(reply, plain)).not.toContain('\u001b');
  expect(coloured).toContain('\u001b[32m');
  expect(stripVTControlCharacters(coloured)).toBe(fleetText(reply, plain));
});

const EXPLANATION: ExplainReply = {
  success: true,
  service: 'game-service',
  at_ms: 0,
  degraded: ['prometheus'],
  decision: 'placed',
  instance_id: '10.0.0.2',
  message: '10.0.0.2 is the least loaded of 3.',
  game: { cpu_cores: 0.25, memory_bytes: 256 * 1024 ** 2 },
  candidates: [
    {
      ...{ instance_id: '10.0.0.2', reason: 'chosen', state: 'sampled', score: 0.123_456, cpu: 0.2, ram: 0.1 },
      ...{ cpu_pending: 1.234, ram_pending: 0, games: 3, sample_age_s: 4.04 },
    },
    { instance_id: '10.0.0.1', reason: 'higher_score', state: 'dark', score: 0.5, cpu: 0.4, ram: 0.1, games: 9 },
    { instance_id: '10.0.0.3', reason: 'not_taking' },
  ],
};

it('explains with the sentence and every candidate', () => {
  expect(explainText(EXPLANATION, false)).toBe(`\
10.0.0.2 is the least loaded of 3.
Degraded: no fresh answer of prometheus.

instance  why            score     CPU     RAM  CPU pending  RAM pending  games  sample
--------  ------------  ------  ------  ------  -----------  -----------  -----  ------  -------
10.0.0.2  chosen        0.1235  20.0 %  10.0 %          1.2            0      3   4.0 s  sampled
10.0.0.1  higher score  0.5000  40.0 %  10.0 %            -            -      9       -  dark
10.0.0.3  not taking         -       -       -            -            -      -       -  -

The best first. CPU and RAM are with the game, which is expected to use 0.25 cores and 256 MiB.`);
});

it('explains where there is nobody', () => {
  expect(explainText({ ...EXPLANATION, candidates: [] }, false)).toMatch(/\n\nThere is no candidate\.$/);
});

it('draws over the window, cut to its size', async () => {
  const { stdout } = fakeIo({ terminal: { columns: 5, rows: 2 } });
  const screen = await openScreen(stdout);
  await screen.draw('\u001b[32m1234567\u001b[39m\nab\nnot shown');
  await screen.close();

  expect(stdout.text()).toBe(
    '\u001b[?1049h\u001b[?25l\u001b[H\u001b[32m12345\u001b[39m\u001b[K\r\nab\u001b[K\u001b[J\u001b[?25h\u001b[?1049l',
  );
});

it('cuts what is seen, and not the colour', () => {
  expect(cut('\u001b[1mabc\u001b[22mdef', 4)).toBe('\u001b[1mabc\u001b[22md');
});

it('draws counts as bars, of which even one shows', () => {
  expect(bars([0, 1, 50, 100], 100)).toBe(' ▁▄█');
  expect(bars([0, 0], 0)).toBe('  ');
});
