import { type Figures, GOALS, goalText, judge } from './goals.ts';
import type { Machine } from './machine.ts';
import { MEMORY_MB, NETWORK_MS, PRICES } from './prices.ts';

export interface Results {
  readonly machine: Machine;
  readonly figures: Figures;
}

export const MARKERS = { begin: '<!-- bench:begin (made by test/bench/page.ts) -->', end: '<!-- bench:end -->' };

export const CONCURRENCIES = [1, 16, 64, 256] as const;
export const FLEETS = ['floor', 'n3', 'n30', 'n300', 'n3000'] as const;
const RATES = [1, 100, 1000] as const;

/** The section "How fast, how much": every figure of it comes from `results`. */
export function sectionOf({ machine, figures }: Results): string {
  const parts = [
    introduction(machine, figures),
    '![Median and 99th percentile by fleet and concurrency](docs/speed.svg)',
    endToEnd(figures),
    goals(figures),
    cost(figures),
    bundle(figures),
  ];
  return parts.join('\n\n');
}

function introduction(machine: Machine, figures: Figures): string {
  const date = machine.measuredAt.slice(0, 10);
  const quick = machine.quick ? ' A quick run: its spreads are wide.' : '';
  const n = number(figures);
  return `Measured on ${date} at ${machine.commit} on ${machine.cores} cores of ${machine.cpu} with Node ${machine.node}, everything on
loopback, callers included (load before: ${machine.loadBefore}).${quick} \`npm run bench -- --json test/bench/results.json\`
measures it again, \`node test/bench/page.ts\` writes this section. The *floor* is the same path (NATS, relay, local
Lambda host, Redis) with a handler that does one script of no effect: what nobody can be faster than here.
The replaced service, modelled without Python and without a connection for each call, does ${n('replaced_rps_n30')} a second with 30
instances and ${n('replaced_rps_n300')} with 300.`;
}

function endToEnd(figures: Figures): string {
  const n = number(figures);
  const rows = CONCURRENCIES.map((concurrency) => [
    String(concurrency),
    ...FLEETS.map((fleet) => {
      const key = `c${concurrency}_${fleet}`;
      return figures[`rps_${key}`] === undefined
        ? ''
        : `${n(`p50_ms_${key}`)} / ${n(`p99_ms_${key}`)} / ${n(`rps_${key}`)}`;
    }),
  ]);
  const head = ['at once', 'floor', '3 instances', '30', '300', '3,000'];
  return `End to end over NATS: median ms / 99th percentile ms / allocations a second.\n\n${table(head, rows)}`;
}

function goals(figures: Figures): string {
  const n = number(figures);
  const rows = GOALS.map((goal) => {
    const spread =
      figures[`${goal.name}_min`] === undefined ? '' : ` (${n(`${goal.name}_min`)} to ${n(`${goal.name}_max`)})`;
    return [goal.means, goalText(goal), `${n(goal.name)}${spread}`, judge(goal, figures)];
  });
  return `What was aimed for. A ratio is the median of rounds in which both sides took turns, with its spread.\n\n${table(['figure', 'goal', 'measured', ''], rows)}

Of the cold first requests the slowest took ${n('cold_slowest_ms')} ms with secrets from SSM, ${n('cold_slowest_ms_without_ssm')} ms with secrets from the
environment. The long run was ${n('steady_seconds')} s at ${n('steady_rate')} a second: median ${n('steady_p50_ms')} ms, 99th percentile ${n('steady_p99_ms')} ms.`;
}

function cost(figures: Figures): string {
  const n = number(figures);
  const usd = (name: string) => figures[name]?.toFixed(2) ?? '-';
  const rows = RATES.map((rate) => [
    String(rate.toLocaleString('en')),
    ...['invocations', 'redis_commands', 'consul_calls', 'prometheus_calls'].map((what) =>
      n(`${what}_per_1000_at_${rate}`),
    ),
    ...['lambda_', 'redis_', ''].map((what) => usd(`usd_per_million_${what}at_${rate}`)),
  ]);
  const head = ['a second', 'invocations', 'Redis commands', 'Consul', 'Prometheus', 'Lambda', 'Redis', 'USD'];
  const prices = Object.values(PRICES).map(
    ({ what, usd: price, per, source, date }) => `${what} ${price} USD per ${per} ([${date}](${source}))`,
  );
  return `What 1,000 allocations ask of each system with 30 instances, and a million cost in USD.\n\n${table(head, rows)}

${prices.join('; ')}. ${MEMORY_MB} MB; to the measured time of an invocation ${NETWORK_MS} ms of network are added. The relay's
container, free tiers and data transfer are not in it.`;
}

function bundle(figures: Figures): string {
  const prefix = 'assign_bundle_bytes:';
  const n = number(figures);
  const names = Object.keys(figures).filter((name) => name.startsWith(prefix));
  const rows = names.map((name) => {
    const item = name.slice(prefix.length);
    const label = item === 'own' ? 'this project' : item === 'node' ? "Node's own modules" : `\`${item}\``;
    return [label, n(name), n(`assign_bundle_lazy_bytes:${item}`)];
  });
  rows.push(['all', n('assign_bundle_bytes'), n('assign_bundle_lazy_bytes')]);
  return `What each package adds to the \`assign\` bundle, bytes.\n\n${table(['package', 'read at a start', 'loaded lazily'], rows)}`;
}

/** A figure as text: three digits, thousands with commas; a dash where it was not measured. */
function number(figures: Figures): (name: string) => string {
  return (name) => {
    const value = figures[name];
    if (value === undefined) return '-';
    if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
    return String(Number(value.toPrecision(3)));
  };
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
