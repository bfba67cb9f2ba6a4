import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { withSection } from '../support/readme-section.ts';
import { judge } from './goals.ts';
import { speedPicture } from './page-picture.ts';
import { MARKERS, type Results, sectionOf } from './page-text.ts';

const MACHINE = {
  measuredAt: '2026-11-24T10:00:00.000Z',
  cpu: 'Some CPU',
  cores: 2,
  memoryGib: 24,
  kernel: '6',
  node: 'v24.21.0',
  commit: 'abc1234',
  loadBefore: 0.1,
  quick: false,
};
const FIGURES = {
  p50_ms_c1_n30: 1.234,
  p99_ms_c1_n30: 5.6,
  rps_c1_n30: 1234.4,
  p50_over_floor_c1_n30: 1.25,
  p50_over_floor_c1_n30_min: 1.1,
  p50_over_floor_c1_n30_max: 1.4,
  usd_per_million_at_1000: 3.799,
  'assign_bundle_bytes:zod': 32_164,
};

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

it('finds in the README and its picture what the kept results say', () => {
  const results: Results = JSON.parse(read('results.json'));
  const readme = read('../../README.md');

  expect(withSection(readme, MARKERS, sectionOf(results))).toBe(readme);
  expect(speedPicture(results.figures)).toBe(read('../../docs/speed.svg'));
});

it('writes each figure where it belongs, and a dash for what was not measured', () => {
  const section = sectionOf({ machine: MACHINE, figures: FIGURES });

  expect(section).toContain('| 1 |  |  | 1.23 / 5.6 / 1,234 |  |  |');
  expect(section).toContain('| at most 1.3 | 1.25 (1.1 to 1.4) | met, within the noise |');
  expect(section).toContain('| at most 0 | - | not measured |');
  expect(section).toContain('| `zod` | 32,164 | - |');
  expect(section).toContain('3.80');
});

it('draws a bar for each point measured, in colours for light and dark', () => {
  const picture = speedPicture(FIGURES);

  expect(picture.match(/class="n30" opacity/g)).toHaveLength(1);
  expect(picture.match(/class="n3" opacity/g)).toBeNull();
  expect(picture).toContain('prefers-color-scheme: dark');
});

it.each([
  [{ atMost: 1.3 }, 1.2, 1.1, 1.29, 'met'],
  [{ atMost: 1.3 }, 1.2, 1.1, 1.31, 'met, within the noise'],
  [{ atMost: 1.3 }, 1.4, 1.31, 1.5, 'missed'],
  [{ atLeast: 6 }, 5, 4, 7, 'missed, within the noise'],
  [{ atLeast: 6 }, 6, 6, 6, 'met'],
] as const)('judges %j at %d (%d to %d) as %s', (bound, value, min, max, verdict) => {
  expect(judge({ name: 'x', means: '', ...bound }, { x: value, x_min: min, x_max: max })).toBe(verdict);
});
