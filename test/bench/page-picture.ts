import type { Figures } from './goals.ts';
import { CONCURRENCIES, FLEETS } from './page-text.ts';

const WIDTH = 860;
const HEIGHT = 400;
const LEFT = 60;
const RIGHT = 20;
const TOP = 62;
const BOTTOM = 52;
const LEAST_MS = 0.5;
const MOST_MS = 1000;
const LATE_MS = 450;
const TICKS_MS = [1, 10, 100] as const;
const LABELS = ['floor', '3 instances', '30', '300', '3,000'] as const;

/** From the median to the 99th percentile of each fleet at each concurrency, on a logarithmic scale. */
export function speedPicture(figures: Figures): string {
  const groupWidth = (WIDTH - LEFT - RIGHT) / CONCURRENCIES.length;
  const barWidth = (groupWidth - 30) / FLEETS.length;
  const bars = CONCURRENCIES.flatMap((concurrency, group) =>
    FLEETS.map((fleet, index) => {
      const p50 = figures[`p50_ms_c${concurrency}_${fleet}`];
      const p99 = figures[`p99_ms_c${concurrency}_${fleet}`];
      if (p50 === undefined || p99 === undefined) return '';
      const x = LEFT + group * groupWidth + 15 + index * barWidth + 3;
      return bar(fleet, x, barWidth - 6, p50, p99);
    }),
  );
  const groups = CONCURRENCIES.map((concurrency, group) => {
    const x = LEFT + (group + 0.5) * groupWidth;
    return `<text x="${round(x)}" y="${HEIGHT - BOTTOM + 22}" text-anchor="middle">${concurrency} at once</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title">
<title id="title">Answer times from the median to the 99th percentile, by fleet and concurrency</title>
<style>
${STYLE}
</style>
<text x="${LEFT}" y="22" class="strong">Answer over NATS, ms: median (thick end) to 99th percentile</text>
${legend()}
${TICKS_MS.map((ms) => gridLine(ms, 'grid', String(ms))).join('\n')}
${gridLine(LATE_MS, 'late', '450')}
${bars.filter((text) => text !== '').join('\n')}
${groups.join('\n')}
<text x="${LEFT}" y="${HEIGHT - 8}" class="faint">450 ms: a caller's reply is there by then. The floor is the same path with a handler that does nothing.</text>
</svg>
`;
}

const STYLE = `text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.strong { font-weight: 600; } .faint { fill: #59636e; font-size: 12px; }
.grid { stroke: #d1d9e0; } .late { stroke: #cf222e; stroke-dasharray: 5 4; }
.floor { fill: #8c959f; } .n3 { fill: #54aeff; } .n30 { fill: #0969da; } .n300 { fill: #8250df; } .n3000 { fill: #bc4c00; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; } .faint { fill: #9198a1; } .grid { stroke: #3d444d; } .late { stroke: #f85149; }
  .floor { fill: #9198a1; } .n3 { fill: #79c0ff; } .n30 { fill: #388bfd; } .n300 { fill: #a371f7; } .n3000 { fill: #f0883e; }
}`;

function bar(fleet: string, x: number, width: number, p50: number, p99: number): string {
  const [top, bottom] = [yOf(p99), yOf(p50)];
  const thin = `<rect class="${fleet}" opacity="0.45" x="${round(x)}" y="${round(top)}" width="${round(width)}" height="${round(Math.max(1, bottom - top))}"/>`;
  const thick = `<rect class="${fleet}" x="${round(x)}" y="${round(bottom - 2)}" width="${round(width)}" height="4"/>`;
  return thin + thick;
}

function gridLine(ms: number, style: string, label: string): string {
  const y = round(yOf(ms));
  return `<line class="${style}" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/><text x="${LEFT - 8}" y="${y + 4}" text-anchor="end" class="faint">${label}</text>`;
}

function legend(): string {
  return FLEETS.map((fleet, index) => {
    const x = LEFT + index * 110;
    return `<rect class="${fleet}" x="${x}" y="36" width="12" height="12"/><text x="${x + 18}" y="47">${LABELS[index] ?? ''}</text>`;
  }).join('\n');
}

function yOf(ms: number): number {
  const share = Math.log(Math.min(MOST_MS, Math.max(LEAST_MS, ms)) / LEAST_MS) / Math.log(MOST_MS / LEAST_MS);
  return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
