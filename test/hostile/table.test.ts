import { expect, it } from 'vitest';
import { ENVELOPE_BODIES, GAME_ID_BODIES, JSON_BODIES } from './body-cases.ts';
import { CONSUL_CASES } from './consul-cases.ts';
import { ENVELOPE_CASES, PACKING_CASES } from './envelope-cases.ts';
import { FUNCTION_CASES } from './function-cases.ts';
import { PROMETHEUS_CASES } from './prometheus-cases.ts';
import { REDIS_CASES } from './redis-cases.ts';

/** The last number of each group of the list of hostile inputs. */
const GROUPS = { A: 18, B: 36, C: 53, D: 70, E: 83, F: 91, G: 96 };

it('has a row for each of the 96 hostile inputs, once and in its group', () => {
  const rows = [
    ...[ENVELOPE_BODIES, ENVELOPE_CASES, JSON_BODIES, PACKING_CASES, GAME_ID_BODIES],
    ...[CONSUL_CASES, PROMETHEUS_CASES, REDIS_CASES, FUNCTION_CASES],
  ].flat();
  const names = rows.map(({ name }) => /^([A-G])(\d+) \S/.exec(name)?.slice(1, 3).join('') ?? name);

  const wanted = Object.entries(GROUPS).flatMap(([group, last], index, groups) => {
    const first = (groups[index - 1]?.[1] ?? 0) + 1;
    return Array.from({ length: last - first + 1 }, (_, n) => `${group}${first + n}`);
  });
  expect(wanted).toHaveLength(96);
  expect(names.toSorted()).toEqual(wanted.toSorted());
});
