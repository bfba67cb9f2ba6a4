import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';
import { runPromtool } from '../../dev/servers/promtool.ts';
import { RELAY_METRICS } from '../../lib/relay/relay-metrics.ts';
import { knownMetrics } from './known-metrics.ts';
import { metricsIn } from './promql.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Case {
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
}

const file = (name: string) => join(PROJECT_ROOT, 'deploy', name);
const text = (name: string) => readFile(file(name), 'utf8');
const { groups }: { groups: { rules: Rule[] }[] } = parse(await text('alerts/game-allocator.rules.yml'));
const rules = groups.flatMap((group) => group.rules);
const { tests }: { tests: Case[] } = parse(await text('alerts/game-allocator.test.yml'));
const runbook = await text('README.md');

it('has rules that Prometheus takes, which ring and keep silent as they should', async () => {
  const [check, test] = await Promise.all([
    runPromtool(['check', 'rules', '--lint=all', '--lint-fatal', file('alerts/game-allocator.rules.yml')]),
    runPromtool(['test', 'rules', file('alerts/game-allocator.test.yml')]),
  ]);

  expect(check).toMatchObject({ ok: true, output: expect.stringContaining(`${rules.length} rules found`) });
  expect(test).toMatchObject({ ok: true });
});

it('has every alert once, with both moments at which it rings and at which it does not', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  const moments = tests.flatMap(({ alert_rule_test }) => alert_rule_test);
  for (const { alert } of rules) {
    const own = moments.filter(({ alertname }) => alertname === alert).map(({ exp_alerts }) => exp_alerts.length > 0);
    expect([alert, own.includes(true), own.includes(false)]).toEqual([alert, true, true]);
  }
});

it('says of each how bad it is, what it is and where to read what to do', () => {
  for (const { alert, labels, annotations } of rules) {
    expect([alert, Object.keys(labels)]).toEqual([alert, ['severity']]);
    expect(['critical', 'warning'], alert).toContain(labels['severity']);
    expect([alert, Object.keys(annotations).toSorted()]).toEqual([alert, ['description', 'runbook_url', 'summary']]);
    expect([alert, annotations['runbook_url']]).toEqual([
      alert,
      `https://example.com/game-allocator-service/deploy/README.md#${alert.toLowerCase()}`,
    ]);
  }
});

it('links to a row of the runbook for each, which says how bad it is, and has no row of another', () => {
  const rows = [...runbook.matchAll(/^\| <a id="(\w+)"><\/a>`(\w+)` \| (\w+) \| [^|]+ \| [^|]+ \|$/gm)];

  const told = rows.map(([, anchor, alert, severity]) => ({ anchor, alert, severity }));
  expect(told).toEqual(
    rules.map(({ alert, labels }) => ({ anchor: alert.toLowerCase(), alert, severity: labels['severity'] })),
  );
});

it('uses names only that there are', async () => {
  const known = await knownMetrics();
  for (const { alert, expr } of rules) {
    expect(metricsIn(expr).length, alert).toBeGreaterThan(0);
    for (const name of metricsIn(expr)) expect([alert, name, known.has(name)]).toEqual([alert, name, true]);
  }
});

it('compares labels with values only that they can have', () => {
  const values = new Map<string, Set<string>>();
  for (const { labels } of Object.values(RELAY_METRICS)) {
    for (const [label, all] of Object.entries<readonly string[]>(labels)) {
      values.set(label, new Set([...(values.get(label) ?? []), ...all]));
    }
  }
  const matchers = rules.flatMap(({ expr }) => [...expr.matchAll(/(\w+)(?:=|=~|!=|!~)"([^"]+)"/g)]);

  const used = matchers.flatMap(([, label, value]) => value!.split('|').map((one) => [label!, one] as const));
  expect(used.length).toBeGreaterThan(10);
  for (const [label, value] of used) {
    if (label === 'job') expect(value).toBe('game-allocator-relay');
    else expect([label, value, values.get(label)?.has(value)]).toEqual([label, value, true]);
  }
});
