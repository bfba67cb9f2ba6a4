import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { startDriver } from '../faults/driver.ts';
import { startProxiedStack } from '../faults/placement-stack.ts';
import { memoryOf } from '../faults/relay-process.ts';
import { type FaultRun, runFaults } from './faults.ts';
import { startLoad } from './load.ts';
import { readOptions, type SoakOptions, USAGE } from './options.ts';
import { planFaults } from './schedule.ts';
import { judge, type Seen, type SoakRun } from './verdict.ts';

const LOOK_EVERY_MS = 1000;
/** Between two lines where there is no terminal to draw one line on again and again, ms. */
const LINE_EVERY_MS = 30_000;

const options = readOptions(process.argv.slice(2));
if ('problem' in options) {
  console.error(`${options.problem}\n\n${USAGE}`);
  process.exit(2);
}
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupt.signal.aborted) process.exit(130); // a second one: whoever asks twice does not want to wait
    interrupt.abort();
  });
}
const run = await soak(options, interrupt.signal);
if (run === undefined) process.exit(130);
const verdict = judge(run);
console.log([...verdict.details, verdict.line].join('\n'));
if (options.jsonFile !== undefined) {
  const { violations } = run;
  writeFileSync(options.jsonFile, `${JSON.stringify({ ...verdict, seed: options.seed, violations }, undefined, 2)}\n`);
}
process.exitCode = verdict.passed ? 0 : 1;

/** Undefined where it was interrupted before it had begun. */
async function soak({ minutes, rate, seed }: SoakOptions, signal: AbortSignal): Promise<SoakRun | undefined> {
  const durationMs = minutes * 60_000;
  console.error(`starting the stack; seed ${seed}`);
  // Only while it starts: once it runs it is stopped when the rest has been looked at.
  const starting = new AbortController();
  const giveUp = () => starting.abort();
  signal.addEventListener('abort', giveUp);
  const proxied = await startProxiedStack({
    instances: 5,
    scrapeIntervalS: 1,
    // No record may end by itself.
    functionEnv: { GAME_CACHE_TTL: '86400' },
    functions: { provisioned: { batch: 4, assign: 4, games: 4 } },
    signal: starting.signal,
  }).catch((error: unknown) => {
    if (signal.aborted) return undefined;
    throw error;
  });
  signal.removeEventListener('abort', giveUp);
  if (proxied === undefined) return undefined;
  const { stack, proxies } = proxied;
  try {
    const relays = [stack.relay, await stack.addRelay()];
    const { natsUrl, redisUrl } = stack.addresses;
    const driver = await startDriver({ natsUrl, redisUrl });
    const startedAtMs = performance.now();
    const load = startLoad({
      driver,
      addresses: stack.addresses,
      perSecond: rate,
      seed,
      windows: () => faults.windows(),
    });
    const faults = runFaults(
      planFaults(seed, durationMs),
      { stack, proxies, relays, onRedisEmptied: load.forgetAll },
      signal,
    );
    const relayMiB: number[] = [];
    let drawnAtMs = Number.NEGATIVE_INFINITY;
    while (performance.now() - startedAtMs < durationMs && !signal.aborted) {
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
      relayMiB.push(...(await memoryOfAll(relays)));
      if (!process.stderr.isTTY && performance.now() - drawnAtMs < LINE_EVERY_MS) continue;
      drawnAtMs = performance.now();
      draw(performance.now() - startedAtMs, load.seen, faults, driver.checker.violations().length);
    }
    await load.stop();
    const tookMs = performance.now() - startedAtMs;
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    await faults.done;
    await driver.settle();
    await driver.readRecords();
    const violations = driver.checker.violations();
    const { lateExcused } = driver.checker.counts();
    await driver.close();
    return {
      durationMs: tookMs,
      seen: load.seen,
      windows: faults.windows(),
      violations,
      excused: load.excused,
      lateExcused,
      relayMiB,
    };
  } finally {
    await proxied.stop();
  }
}

/** Of those that live at the moment. */
async function memoryOfAll(relays: readonly RunningServer[]): Promise<readonly number[]> {
  const found = await Promise.all(relays.map((relay) => memoryOf(relay).catch(() => Number.NaN)));
  return found.filter((mib) => mib > 0);
}

function draw(elapsedMs: number, seen: readonly Seen[], faults: FaultRun, violations: number): void {
  const { isTTY } = process.stderr;
  const seconds = Math.floor(elapsedMs / 1000);
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  const counts = `${seen.length.toLocaleString('en-US')} requests, ${faults.windows().length} faults, ${violations} violations`;
  const text = `${time}  ${counts}  ${faults.active().join(', ')}`;
  process.stderr.write(isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}
