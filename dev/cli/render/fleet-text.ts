import { styleText } from 'node:util';
import type { FleetInstance, FleetReply, SourceReport } from '../../../lib/api/insight-replies.ts';
import { formatTable } from '../../stack/format-table.ts';
import { clean } from './clean.ts';
import { addressOf, bars, count, percent, seconds, words } from './words.ts';

export const SORTS = ['cpu', 'ram', 'games', 'id'] as const;
export type Sort = (typeof SORTS)[number];

export interface FleetTextOptions {
  readonly sort: Sort;
  readonly colour: boolean;
  /** Lines that there is room for; what does not fit is counted in the last one. */
  readonly rows?: number;
}

const HEAD = ['instance', 'takes games', 'CPU', 'expected', 'RAM', 'expected', 'games', 'sample', 'last 5 min'];
/** The table's head and the rule below it. */
const HEAD_LINES = 2;

/** The fleet as lines of text: what it is, then an instance a line. */
export function fleetText(
  reply: FleetReply,
  { sort, colour, rows = Number.POSITIVE_INFINITY }: FleetTextOptions,
): string {
  const summary = summaryOf(reply, colour);
  const room = Math.max(1, rows - summary.length - HEAD_LINES - 1);
  const sorted = sortBy(reply.instances, sort);
  // The line that counts those left out takes the place of one of them.
  const shown = sorted.length <= room ? sorted : sorted.slice(0, Math.max(1, room - 1));
  const left = sorted.length - shown.length;
  const most = reply.instances.reduce((highest, { recent = [] }) => Math.max(highest, ...recent), 0);
  return [
    ...summary,
    '',
    formatTable(
      HEAD,
      shown.map((instance) => rowOf(instance, most, colour)),
    ),
    ...(left > 0 ? [`and ${left} more (--sort ${sort}; --once shows all of them)`] : []),
  ].join('\n');
}

function summaryOf(
  { service, at_ms, sources, degraded, instances, failing, game }: FleetReply,
  colour: boolean,
): string[] {
  const of = (status: FleetInstance['status']) => instances.filter((instance) => instance.status === status).length;
  const games = instances.reduce((sum, instance) => sum + (instance.games ?? 0), 0);
  const states = [
    `${of('eligible')} eligible`,
    ...(of('draining') > 0 ? [`${of('draining')} draining`] : []),
    ...(of('not_taking') > 0 ? [`${of('not_taking')} not taking games`] : []),
    ...(failing.length > 0 ? [`${failing.length}${failing.length >= 100 ? ' or more' : ''} failing`] : []),
  ];
  const time = new Date(at_ms).toISOString().slice(11, 19);
  const cost =
    game && ` of about ${Number(game.cpu_cores.toFixed(3))} cores, ${(game.memory_bytes / 1024 ** 2).toFixed(0)} MiB`;
  return [
    `${clean(service)} at ${time} UTC: ${states.join(', ')}; ${games} games${cost ?? ''}`,
    Object.entries(sources)
      .map(([name, source]) => sourceText(name, source, colour))
      .join('   '),
    ...(degraded && degraded.length > 0 ? [styled(colour, 'yellow', `degraded: ${clean(degraded.join(', '))}`)] : []),
    ...(failing.length > 0 ? [styled(colour, 'red', `failing: ${clean(few(failing))}`)] : []),
  ];
}

const SHOWN_FAILING = 3;

function few(ids: readonly string[]): string {
  const more = ids.length - SHOWN_FAILING;
  return ids.slice(0, SHOWN_FAILING).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function sourceText(name: string, { state, age_ms }: SourceReport, colour: boolean): string {
  const age = age_ms === undefined ? '' : ` (${seconds(age_ms / 1000)} old)`;
  const format = state === 'ok' ? 'green' : state === 'degraded' ? 'yellow' : 'gray';
  return `${name} ${styled(colour, format, state)}${age}`;
}

function rowOf(instance: FleetInstance, most: number, colour: boolean): string[] {
  const { status, state, cpu_cores, memory_bytes, cpu_used, memory_used, max_games, games, recent } = instance;
  const takes =
    status !== 'eligible' ? words(status) : state === 'full' ? 'full' : state === 'dark' ? 'no sample' : 'yes';
  const format = takes === 'yes' ? 'green' : status === 'eligible' ? 'red' : 'yellow';
  return [
    clean(addressOf(instance)),
    styled(colour, format, takes),
    percent(cpu_used === undefined ? undefined : cpu_used / cpu_cores),
    percent(instance.cpu),
    percent(memory_used === undefined ? undefined : memory_used / memory_bytes),
    percent(instance.ram),
    max_games === undefined ? count(games) : `${count(games)} of ${max_games}`,
    seconds(instance.sample_age_s),
    recent === undefined ? '' : bars(recent.toReversed(), most),
  ];
}

function sortBy(instances: readonly FleetInstance[], sort: Sort): readonly FleetInstance[] {
  const measured = (share: number | undefined, used: number | undefined, of: number) => share ?? (used ?? 0) / of;
  switch (sort) {
    case 'id':
      return instances;
    case 'games':
      return instances.toSorted((a, b) => (b.games ?? 0) - (a.games ?? 0));
    case 'cpu':
      return byMost((one) => measured(one.cpu, one.cpu_used, one.cpu_cores));
    case 'ram':
      return byMost((one) => measured(one.ram, one.memory_used, one.memory_bytes));
  }

  function byMost(figure: (instance: FleetInstance) => number): readonly FleetInstance[] {
    return instances.toSorted((a, b) => figure(b) - figure(a));
  }
}

function styled(colour: boolean, format: Parameters<typeof styleText>[0], text: string): string {
  return colour ? styleText(format, text, { validateStream: false }) : text;
}
