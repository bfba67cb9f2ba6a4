import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECT_ROOT } from '../../../dev/find-server.mjs';
import type { Bench } from '../bench.ts';
import { bundleBytes, type Metafile } from '../bundle-bytes.ts';
import { assignEvent, type ColdOptions, type ColdStart, coldStart } from '../cold-start.ts';
import { short } from '../report.ts';
import { median, shuffled } from '../statistics.ts';
import type { World } from '../world.ts';
import { runFirstRequests } from './first-requests.ts';

const HANDLERS = join(PROJECT_ROOT, 'test', 'bench', 'handlers');
const ASSIGN = 'dist/functions/assign/index';
/** Between tries, so that the end of one is not in the next. */
const PAUSE_MS = 60;

type Starts = Map<string, ColdStart[]>;

/** (e) Cold starts against a bare handler, first requests with everything cold, and what the bundle consists of. */
export async function runCold(bench: Bench, world: World): Promise<void> {
  await runStarts(bench, world);
  await runFirstRequests(bench, world);
  await tellBundle(bench.report);
}

async function runStarts({ pace, report, progress }: Bench, world: World): Promise<void> {
  const output = openSync(devNull, 'w');
  const event = () => assignEvent(world.token);
  const assign = { root: PROJECT_ROOT, handler: `${ASSIGN}.handler`, event, output };
  const variants: Readonly<Record<string, ColdOptions>> = {
    bare: { ...assign, root: HANDLERS, handler: 'bare.handler', env: {} },
    n30: { ...assign, env: world.functionEnv(30) },
    n300: { ...assign, env: world.functionEnv(300) },
    n3000: { ...assign, env: world.functionEnv(3000) },
  };
  const starts: Starts = new Map(Object.keys(variants).map((name) => [name, []]));
  // The files, and the script in Redis: neither is cold in a running system.
  for (const options of Object.values(variants)) await coldStart(options);
  for (let round = 0; round < pace.coldTries; round += 1) {
    if (round % 5 === 0) progress(`cold: try ${round + 1} of ${pace.coldTries}`);
    for (const [name, options] of shuffled(Object.entries(variants))) {
      await sleep(PAUSE_MS);
      starts.get(name)?.push(await coldStart(options));
    }
  }
  closeSync(output);
  tellStarts(report, starts);
}

function tellStarts(report: Bench['report'], starts: Starts): void {
  const least = (name: string, value: (start: ColdStart) => number) =>
    Math.min(...(starts.get(name) ?? []).filter(({ succeeded }) => succeeded).map(value));
  const over = (name: string, value: (start: ColdStart) => number) => least(name, value) / least('bare', value);
  report.figure(
    'cold_init_over_bare',
    over('n30', ({ initMs }) => initMs),
  );
  report.figure(
    'cold_init_over_bare_cpu',
    over('n30', ({ initCpuMs }) => initCpuMs),
  );
  for (const name of ['n30', 'n300', 'n3000']) {
    report.figure(
      `cold_first_reply_over_bare_${name}`,
      over(name, ({ replyMs }) => replyMs),
    );
    report.figure(
      `cold_first_reply_over_bare_${name}_cpu`,
      over(name, ({ replyCpuMs }) => replyCpuMs),
    );
  }
  report.table(
    'Cold starts, ms: the least (the median)',
    ['handler', 'init', 'init CPU', 'first reply', 'CPU until then', 'tries', 'without success'],
    [...starts].map(([name, made]) => {
      const told = (value: (start: ColdStart) => number) =>
        `${short(least(name, value))} (${short(median(made.map(value)))})`;
      return [
        name,
        ...[told(({ initMs }) => initMs), told(({ initCpuMs }) => initCpuMs)],
        ...[told(({ replyMs }) => replyMs), told(({ replyCpuMs }) => replyCpuMs)],
        String(made.length),
        String(made.filter(({ succeeded }) => !succeeded).length),
      ];
    }),
  );
}

async function tellBundle(report: Bench['report']): Promise<void> {
  const meta: Record<string, Metafile> = JSON.parse(await readFile(join(PROJECT_ROOT, 'dist', 'meta.json'), 'utf8'));
  const assign = meta['assign'];
  if (assign === undefined) throw new Error('dist/meta.json has no assign');
  const { start, lazy, packages } = bundleBytes(assign, `${ASSIGN}.mjs`);
  report.figure('assign_bundle_bytes', start);
  report.figure('assign_bundle_lazy_bytes', lazy);
  for (const one of packages) {
    report.figure(`assign_bundle_bytes:${one.name}`, one.start);
    report.figure(`assign_bundle_lazy_bytes:${one.name}`, one.lazy);
  }
  report.table(
    'The assign bundle, bytes by package',
    ['package', 'read at the start', 'loaded lazily'],
    [
      ...packages.map((one) => [one.name, String(one.start), String(one.lazy)]),
      ['all, with the glue between them', String(start), String(lazy)],
    ],
  );
}
