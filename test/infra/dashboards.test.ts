import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { DASHBOARDS } from '../../dev/dashboards/all.ts';
import { toGrafana } from '../../dev/dashboards/panels.ts';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';
import { runPromtool } from '../../dev/servers/promtool.ts';
import { knownMetrics } from './known-metrics.ts';
import { metricsIn, withoutVariables } from './promql.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: unknown;
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
}

const dashboards = await Promise.all(
  Object.entries(DASHBOARDS).map(async ([name, source]) => {
    const json = JSON.parse(await readFile(join(PROJECT_ROOT, 'deploy', 'dashboards', `${name}.json`), 'utf8'));
    const panels: readonly Panel[] = json.panels;
    return { name, source, json, panels: panels.filter(({ type }) => type !== 'row'), all: panels };
  }),
);
const SOURCE = { type: 'prometheus', uid: `\${datasource}` };
/** Stand-ins of the kind that Grafana puts there. */
const VALUES = { __rate_interval: '1m', job: '.*', instance: '.*', service: 'game-service', label: 'instance' };

it.each(dashboards)('dashboard $name is what `npm run dashboards` makes', ({ source, json }) => {
  expect(json).toEqual(toGrafana(source));
});

it.each(dashboards)('dashboard $name has what Grafana needs to import it', ({ json, panels }) => {
  expect(json).toMatchObject({
    schemaVersion: 39,
    uid: expect.stringMatching(/^[\w-]{1,40}$/),
    title: expect.any(String),
  });
  expect(json).not.toHaveProperty('id'); // of another Grafana
  const [first, ...others] = json.templating.list;
  expect(first).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
  for (const variable of others) {
    if (variable.type === 'query') expect(variable.datasource).toEqual(SOURCE);
  }
  for (const { title, description, datasource, targets } of panels) {
    expect([title, datasource, (description ?? '').length > 10]).toEqual([title, SOURCE, true]);
    expect(targets?.map(({ refId }) => refId)).toEqual(['A', 'B', 'C'].slice(0, targets?.length));
  }
});

it.each(dashboards)('dashboard $name has each panel once, and none above another', ({ all }) => {
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  const cells = new Set<string>();
  for (const { title, gridPos } of all) {
    expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect([title, cells.has(`${x} ${y}`)]).toEqual([title, false]);
        cells.add(`${x} ${y}`);
      }
    }
  }
});

it.each(dashboards)('dashboard $name asks by names only that there are', async ({ panels, json }) => {
  const known = await knownMetrics();
  const variables: { name: string; definition?: string }[] = json.templating.list;
  const asked = variables.flatMap(({ definition }) => /^label_values\(([^,{]+)/.exec(definition ?? '')?.[1] ?? []);
  const used = panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsIn(expr)));

  expect(used.length).toBeGreaterThan(5);
  expect([...used, ...asked].filter((name) => !known.has(name))).toEqual([]);
});

it.each(dashboards)(
  'dashboard $name has expressions that Prometheus can read, with variables that it has',
  async (one) => {
    const folder = await mkdtemp(join(tmpdir(), 'dashboards-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const names: string[] = one.json.templating.list.map(({ name }: { name: string }) => name);
    const values = Object.fromEntries(
      Object.entries(VALUES).filter(([name]) => name === '__rate_interval' || names.includes(name)),
    );
    const rules = one.panels.flatMap(({ targets = [] }) => {
      return targets.map(({ expr }, index) => ({ record: `panel:${index}`, expr: withoutVariables(expr, values) }));
    });
    const file = join(folder, 'rules.yml');
    // JSON is YAML. Rules with one name are a fault in a file of rules, and so each has a label of its own.
    const groups = [{ name: 'panels', rules: rules.map((rule, index) => ({ ...rule, labels: { n: `${index}` } })) }];
    await writeFile(file, JSON.stringify({ groups }));

    const { ok, output } = await runPromtool(['check', 'rules', file]);

    expect(output).toContain(`${rules.length} rules found`);
    expect(ok).toBe(true);
  },
);
