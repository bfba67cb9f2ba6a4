import { byId, element, setHidden, setText } from './dom.ts';
import { count, counted, duration } from './format.ts';
import type { RecentHistory, RecentSeries } from './recent-history.ts';

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 24;
/** Of 10 units for each bucket. */
const BAR_WIDTH = 8;

interface ChartRow {
  readonly root: HTMLTableRowElement;
  show(series: RecentSeries, most: number, bucketS: number): void;
}

/** Small multiples: a row of columns for each series. All instances share one scale, so that equal heights are equal. */
export function createRecentChart() {
  const rows: ChartRow[] = [];
  return {
    show(history: RecentHistory | undefined): void {
      const series = history?.series ?? [];
      const some = series.some(({ total }) => total > 0);
      setHidden(byId('recent-empty'), some);
      setHidden(byId('recent'), !some);
      setHidden(byId('recent-axis'), !some);
      if (!some || history === undefined) return;
      const length = series[0]?.games.length ?? 0;
      setText(byId('recent-from'), `${duration(length * history.bucketS)} ago`);
      setText(byId('recent-note'), `each column ${history.bucketS} s, instances on one scale`);
      while (rows.length > series.length) rows.pop()?.root.remove();
      for (const [index, each] of series.entries()) {
        const row = rows[index] ?? addRow();
        row.show(each, mostOf(series, each), history.bucketS);
      }
    },
  };

  function addRow(): ChartRow {
    const row = createChartRow();
    rows.push(row);
    byId('recent-rows').append(row.root);
    return row;
  }
}

function mostOf(all: readonly RecentSeries[], { kind }: RecentSeries): number {
  const alike = all.filter((series) => series.kind === kind);
  return Math.max(1, ...alike.flatMap(({ games }) => games));
}

function createChartRow(): ChartRow {
  const name = element('th');
  name.scope = 'row';
  const picture = document.createElementNS(SVG, 'svg');
  picture.setAttribute('role', 'img');
  picture.setAttribute('preserveAspectRatio', 'none');
  const path = picture.appendChild(document.createElementNS(SVG, 'path'));
  const cell = element('td');
  cell.append(picture);
  const total = element('td', 'number');
  const root = element('tr', '', name, cell, total);
  let drawn = '';
  return {
    root,
    show(series, most, bucketS) {
      setText(name, series.name);
      setText(total, count(series.total));
      root.dataset['kind'] = series.kind;
      const shape = series.games.map((games, index) => column(index, games / most)).join('');
      if (shape === drawn) return;
      drawn = shape;
      picture.setAttribute('viewBox', `0 0 ${series.games.length * 10} ${HEIGHT}`);
      path.setAttribute('d', shape);
      picture.setAttribute('aria-label', inWords(series, bucketS));
    },
  };
}

/** A line at the bottom where there were none, so that one sees that there is something to see. */
function column(index: number, share: number): string {
  const height = share === 0 ? 1 : Math.max(2, Math.round(share * HEIGHT));
  return `M${index * 10 + 1} ${HEIGHT}v-${height}h${BAR_WIDTH}v${height}z`;
}

function inWords({ name, games, total }: RecentSeries, bucketS: number): string {
  const span = duration(games.length * bucketS);
  const latest = games.slice(-10).toReversed().join(', ');
  return `${name}: ${counted(total, 'game')} in ${span}; the last half minutes, newest first: ${latest}`;
}
