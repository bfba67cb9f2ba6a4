import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';
import { FIGURES } from '../../lib/adapters/emf/reply-figures.ts';
import { RELAY_METRICS, type RelayMetric } from '../../lib/relay/relay-metrics.ts';

const readme = await readFile(join(PROJECT_ROOT, 'README.md'), 'utf8');
const section = /^## Metrics$(.*?)^## /ms.exec(readme)?.[1] ?? '';

it('has a row in the README for every name that the relay has, with its type and labels', () => {
  const rows = [...section.matchAll(/^\| `(game_relay_\w+)` \| (\w+) \| ([^|]*) \| [^|]+ \|$/gm)];

  expect(rows.map(([, name, type, labels]) => [name, type, labels?.replaceAll(/[` ]/g, '')])).toEqual(
    Object.values<RelayMetric>(RELAY_METRICS).map(({ name, type, labels }) => [name, type, Object.keys(labels).join()]),
  );
});

it('names every figure of the functions that is not a failure code, and no other', () => {
  const named = [...section.matchAll(/^\| (`[^|]+`) \| (?:Count|Milliseconds) \| [^|]+ \|$/gm)].flatMap(([, names]) =>
    [...(names ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );

  const own = FIGURES.filter((name) => /^(replies|degraded.*|cold_starts)$|_ms$/.test(name));
  expect(named.toSorted()).toEqual(own.toSorted());
});
