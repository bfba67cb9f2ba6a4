import { expect, it } from 'vitest';
import { fillTemplate, fleetQuery } from '../../../lib/adapters/prometheus/query.ts';

const VALUES = { service: 'game-service', label: 'instance', windowS: 30 };

it('joins the three, each marked with what it is', () => {
  expect(fleetQuery({ cpu: 'C', memory: 'R', time: 'T' })).toBe(
    'label_replace(C, "m", "cpu", "", "") or label_replace(R, "m", "ram", "", "") or label_replace(T, "m", "ts", "", "")',
  );
});

it('fills in service, label and window wherever they stand', () => {
  const template = 'sum by ($label) (rate(m{s="$service"}[$window]) or rate(m{s="$service"}[1m]))';

  expect(fillTemplate(template, VALUES)).toBe(
    'sum by (instance) (rate(m{s="game-service"}[30s]) or rate(m{s="game-service"}[1m]))',
  );
});

it.each([
  { template: '{a=~"x$|$services$"}', values: VALUES, filled: '{a=~"x$|$services$"}' },
  { template: '{s="$service"}', values: { ...VALUES, service: 'a"b\\c' }, filled: '{s="a\\"b\\\\c"}' },
  { template: '{s="$service"}', values: { ...VALUES, service: "$&$'$label" }, filled: `{s="$&$'instance"}` },
  { template: '[$window]', values: { ...VALUES, windowS: 2.5 }, filled: '[2500ms]' },
])('makes $filled of $template', ({ template, values, filled }) => {
  expect(fillTemplate(template, values)).toBe(filled);
});
