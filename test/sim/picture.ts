import type { Fleet } from './fleet.ts';
import { PRODUCT } from './policies/policies.ts';
import { createTaskRunner, type Settings } from './run-task.ts';
import { findScenario } from './scenarios.ts';
import type { World } from './world.ts';

const SCENARIO = 'n16';
const PICTURED_S = 600;
/** Between two points of a line, s: with fewer the spikes are cut off, with more the file is too big for a README. */
const STEP_S = 5;

const PANELS = [
  {
    policy: 'least-loaded',
    title: 'Least loaded as measured',
    subtitle: 'every game of half a minute goes to one server',
  },
  { policy: PRODUCT, title: 'This rule', subtitle: 'counts the games that are not measured yet' },
] as const;

/** Layout, in the units of the picture. */
const PANEL = { width: 400, height: 260, left: 52, top: 84, gap: 58 } as const;
const WIDTH = PANEL.left + 2 * PANEL.width + PANEL.gap + 16;
const HEIGHT = PANEL.top + PANEL.height + 58;

/** Utilisation of each instance in each pictured second, as [instance][point]. */
type Traces = readonly (readonly number[])[];

/** The same games placed by two policies: a line per instance, ten minutes, as an SVG for light and dark pages. */
export async function drawHerding(seed: number, settings: Settings): Promise<string> {
  const runner = createTaskRunner();
  try {
    const traces: Traces[] = [];
    for (const { policy } of PANELS) traces.push(await trace(runner, policy, seed, settings));
    return toSvg(traces);
  } finally {
    await runner.stop();
  }
}

async function trace(
  runner: ReturnType<typeof createTaskRunner>,
  policy: string,
  seed: number,
  settings: Settings,
): Promise<Traces> {
  const from = findScenario(SCENARIO)!.warmUpS;
  const lines: number[][] = [];
  function onSecond(tick: number, fleet: Fleet, { sizes }: World) {
    if (tick - from > PICTURED_S || (tick - from) % STEP_S !== 0) return;
    for (const [i, { cpuCores }] of sizes.entries()) {
      lines[i] ??= [];
      lines[i].push(fleet.cpu[i]! / cpuCores);
    }
  }
  await runner.run({ scenario: SCENARIO, seed, policy, settings }, onSecond);
  return lines;
}

function toSvg(traces: readonly Traces[]): string {
  const highest = Math.max(...traces.flat(2));
  const top = Math.ceil(highest / 0.5) * 0.5;
  const y = (utilisation: number) => PANEL.height * (1 - utilisation / top);
  const marks = Array.from({ length: Math.floor(top / 0.5) + 1 }, (_, index) => index * 0.5);
  const panels = traces.map((lines, index) => {
    const { title, subtitle } = PANELS[index]!;
    const left = PANEL.left + index * (PANEL.width + PANEL.gap);
    return `<g transform="translate(${left} ${PANEL.top})">
<text class="title" y="-28">${title}</text><text class="note" y="-11">${subtitle}</text>
${marks.map((mark) => `<line class="grid" x2="${PANEL.width}" y1="${y(mark).toFixed(1)}" y2="${y(mark).toFixed(1)}"/><text class="tick" x="-8" y="${(y(mark) + 4).toFixed(1)}" text-anchor="end">${Math.round(100 * mark)} %</text>`).join('\n')}
<line class="full" x2="${PANEL.width}" y1="${y(1).toFixed(1)}" y2="${y(1).toFixed(1)}"/>
${lines.map((line) => `<path class="load" d="${toPath(line, y)}"/>`).join('\n')}
${[0, 2, 4, 6, 8, 10].map((minute) => `<text class="tick" x="${((minute * 60) / PICTURED_S) * PANEL.width}" y="${PANEL.height + 18}" text-anchor="middle">${minute}</text>`).join('')}
<text class="note" x="${PANEL.width / 2}" y="${PANEL.height + 38}" text-anchor="middle">minutes</text>
</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="t d">
<title id="t">The CPU of 16 game servers over ten minutes, with the same games placed by two rules</title>
<desc id="d">Left, by the least measured load: one server after another is filled far beyond its capacity while the others empty. Right, by this project's rule: all stay close together.</desc>
<style>
text { font-family: system-ui, sans-serif; fill: #24292f }
.head { font-size: 15px; font-weight: 600 } .title { font-size: 14px; font-weight: 600 }
.note, .tick { font-size: 11px; fill: #57606a }
.grid { stroke: #d0d7de; stroke-width: 1 } .full { stroke: #cf222e; stroke-width: 1; stroke-dasharray: 4 3 }
.load { fill: none; stroke: #0969da; stroke-width: 1.1; stroke-opacity: .6; stroke-linejoin: round }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .note, .tick { fill: #9198a1 }
.grid { stroke: #3d444d } .full { stroke: #ff7b72 } .load { stroke: #58a6ff }
}
</style>
<text class="head" x="${PANEL.left}" y="24">CPU that the games on each of 16 servers want, in per cent of what it has; the same games in both</text>
${panels.join('\n')}
</svg>
`;
}

function toPath(line: readonly number[], y: (utilisation: number) => number): string {
  const x = (point: number) => (point * STEP_S * PANEL.width) / PICTURED_S;
  return line.map((value, point) => `${point === 0 ? 'M' : 'L'}${x(point).toFixed(1)} ${y(value).toFixed(1)}`).join('');
}
