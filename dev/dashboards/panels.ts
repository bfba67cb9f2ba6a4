/**
 * As much of Grafana's dashboard model as ours need (schema version 39: Grafana 10.4 and 11, which later ones migrate).
 * Panels stand in rows of 24 columns, each as wide as it says.
 */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  /** From the top to the bottom, each row from the left to the right. */
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  /** `label_values(...)` in PromQL, or the values themselves. */
  readonly values: { readonly query: string } | { readonly constant: string };
  /** Several may be chosen, and all are at first: for `=~` only. */
  readonly several?: true;
}

export interface Panel {
  readonly title: string;
  /** What it shows, and what is bad. */
  readonly description: string;
  readonly kind: 'lines' | 'stacked' | 'number' | 'heatmap';
  /** Of 24. */
  readonly width: number;
  /** One of Grafana's units: s, bytes, reqps, percentunit, short, cores by `suffix:cores`. */
  readonly unit: string;
  /** PromQL by the legend of its series; with labels in it as {{label}}. */
  readonly queries: Readonly<Record<string, string>>;
}

const HEIGHTS = { lines: 8, stacked: 8, number: 4, heatmap: 8 } as const satisfies Record<Panel['kind'], number>;
const SOURCE = { type: 'prometheus', uid: `\${datasource}` };

/** The JSON that Grafana imports. */
export function toGrafana({ uid, title, description, variables, rows }: Dashboard): object {
  let y = 0;
  const nextId = counter();
  const panels = rows.flatMap(({ title: rowTitle, panels: inRow }) => {
    const head = {
      id: nextId(),
      type: 'row',
      title: rowTitle,
      collapsed: false,
      panels: [],
      gridPos: at(0, y, 24, 1),
    };
    y += 1;
    let x = 0;
    const placed = inRow.map((panel) => {
      const height = HEIGHTS[panel.kind];
      if (x + panel.width > 24) {
        x = 0;
        y += height;
      }
      const json = toPanel(panel, nextId(), at(x, y, panel.width, height));
      x += panel.width;
      return json;
    });
    y += HEIGHTS[inRow.at(-1)?.kind ?? 'lines'];
    return [head, ...placed];
  });
  return {
    ...{ uid, title, description, tags: ['game-allocator'], schemaVersion: 39, version: 1, editable: true },
    ...{ timezone: 'browser', time: { from: 'now-1h', to: 'now' }, refresh: '10s', graphTooltip: 1 },
    annotations: { list: [] },
    ...{ links: [], templating: { list: [DATASOURCE, ...variables.map(toVariable)] }, panels },
  };
}

function counter(): () => number {
  let count = 0;
  return () => {
    count += 1;
    return count;
  };
}

function at(x: number, y: number, w: number, h: number) {
  return { x, y, w, h };
}

const DATASOURCE = {
  ...{ name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
  ...{ current: {}, hide: 0, includeAll: false, multi: false, options: [], refresh: 1, regex: '' },
};

function toVariable({ name, label, values, several }: Variable): object {
  if ('constant' in values) {
    const current = { text: values.constant, value: values.constant };
    return { name, label, type: 'textbox', query: values.constant, current, options: [], hide: 0 };
  }
  return {
    ...{ name, label, type: 'query', datasource: SOURCE, definition: values.query, hide: 0 },
    query: { query: values.query, refId: name },
    ...(several === undefined
      ? { current: {}, includeAll: false, multi: false }
      : { current: { text: 'All', value: '$__all' }, includeAll: true, multi: true, allValue: '.*' }),
    ...{ options: [], refresh: 2, regex: '', sort: 1 },
  };
}

function toPanel({ title, description, kind, unit, queries }: Panel, id: number, gridPos: object): object {
  const targets = Object.entries(queries).map(([legendFormat, expr], index) => ({
    ...{ refId: String.fromCharCode(65 + index), datasource: SOURCE, editorMode: 'code', expr, legendFormat },
    ...(kind === 'number' ? { instant: true, range: false } : { instant: false, range: true }),
    ...(kind === 'heatmap' && { format: 'heatmap' }),
  }));
  return { id, title, description, gridPos, datasource: SOURCE, targets, ...LOOKS[kind](unit) };
}

const LOOKS: Record<Panel['kind'], (unit: string) => object> = {
  lines: (unit) => timeseries(unit, {}),
  stacked: (unit) => timeseries(unit, { fillOpacity: 60, lineWidth: 0, stacking: { mode: 'normal', group: 'A' } }),
  number: (unit) => ({
    type: 'stat',
    fieldConfig: { defaults: { unit, color: { mode: 'fixed', fixedColor: 'text' } }, overrides: [] },
    options: {
      ...{ colorMode: 'none', graphMode: 'none', justifyMode: 'auto', textMode: 'auto', orientation: 'auto' },
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    },
  }),
  heatmap: (unit) => ({
    type: 'heatmap',
    fieldConfig: { defaults: {}, overrides: [] },
    options: {
      ...{ calculate: false, cellGap: 1, showValue: 'never', legend: { show: true }, rowsFrame: { layout: 'auto' } },
      color: { mode: 'scheme', scheme: 'Oranges', exponent: 0.5, steps: 64, reverse: false },
      ...{ yAxis: { axisPlacement: 'left', unit }, filterValues: { le: 1e-9 } },
      tooltip: { mode: 'single', yHistogram: true },
    },
  }),
};

function timeseries(unit: string, custom: object): object {
  const draw = { drawStyle: 'line', lineWidth: 1, fillOpacity: 0, showPoints: 'never', spanNulls: false };
  return {
    type: 'timeseries',
    fieldConfig: { defaults: { unit, min: 0, custom: { ...draw, ...custom } }, overrides: [] },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}
