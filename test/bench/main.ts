import { writeFile } from 'node:fs/promises';
import type { Bench, Stoppable } from './bench.ts';
import { GOALS, goalText, judge } from './goals.ts';
import { describeMachine } from './machine.ts';
import { type PartName, readOptions, USAGE } from './options.ts';
import { paceOf } from './pace.ts';
import { runCold } from './parts/cold.ts';
import { runCost } from './parts/cost.ts';
import { runEndToEnd, runFloor } from './parts/end-to-end.ts';
import { runRelay } from './parts/relay.ts';
import { runReplaced } from './parts/replaced.ts';
import { runScript } from './parts/script.ts';
import { runSteady } from './parts/steady.ts';
import { createReport, short } from './report.ts';
import { startWorld, type World } from './world.ts';

/** Those that need the shared servers get them; they are started with the first of these. */
const PARTS: Record<PartName, (bench: Bench, world: () => Promise<World>) => Promise<void>> = {
  script: runScript,
  'end-to-end': async (bench, world) => runEndToEnd(bench, await world()),
  relay: async (bench, world) => runRelay(bench, await world()),
  replaced: async (bench, world) => runReplaced(bench, await world()),
  cold: async (bench, world) => runCold(bench, await world()),
  cost: async (bench, world) => runCost(bench, await world()),
  steady: async (bench, world) => runSteady(bench, await world()),
  floor: async (bench, world) => runFloor(bench, await world()),
};

const options = readOptions(process.argv.slice(2));
if ('problem' in options) {
  console.error(`${options.problem}\n\n${USAGE}`);
  process.exit(2);
}
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}

const startedAtMs = performance.now();
const running: Promise<Stoppable>[] = [];
let stopping: Promise<unknown> | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping !== undefined) process.exit(1);
    console.error(`\n${signal}: stopping everything (again: force)`);
    void stopAll().then(() => process.exit(130));
  });
}

const report = createReport((text) => console.log(text));
const bench: Bench = {
  pace: paceOf(options.quick),
  report,
  progress,
  started(starting) {
    if (stopping !== undefined) return Promise.reject(new Error('The bench has been stopped.'));
    running.push(starting);
    return starting;
  },
};
let world: Promise<World> | undefined;
const machine = await describeMachine(options.quick);
if (machine.loadBefore > 1)
  progress(`load average ${machine.loadBefore}: others are at work, the figures will be noisy`);
try {
  for (const name of options.parts) {
    progress(`part ${name}`);
    await PARTS[name](bench, startWorldOnce);
  }
  tellGoals();
  if (options.jsonFile !== undefined) {
    await writeFile(options.jsonFile, `${JSON.stringify({ machine, figures: report.figures }, undefined, 2)}\n`);
  }
  progress('done');
} catch (error) {
  // After a Ctrl-C whatever is under way fails.
  if (stopping === undefined) {
    console.error(error);
    process.exitCode = 1;
  }
} finally {
  await stopAll();
}

function startWorldOnce(): Promise<World> {
  world ??= startWorld(bench);
  return world;
}

function tellGoals(): void {
  const { figures } = report;
  const measured = GOALS.filter(({ name }) => figures[name] !== undefined);
  if (measured.length === 0) return;
  report.table(
    'Against the goals',
    ['figure', 'goal', 'measured', 'least', 'most', 'verdict'],
    measured.map((goal) => [
      ...[goal.name, goalText(goal)],
      ...['', '_min', '_max'].map((end) => short(figures[goal.name + end] ?? Number.NaN)),
      judge(goal, figures),
    ]),
  );
}

function progress(line: string): void {
  const seconds = Math.round((performance.now() - startedAtMs) / 1000);
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  console.error(`${clock.padStart(5)}  ${line}`);
}

/** Also what is just starting; the last started first. */
function stopAll(): Promise<unknown> {
  stopping ??= Promise.allSettled(running.map((starting) => starting.then((server) => server.stop())));
  return stopping;
}
