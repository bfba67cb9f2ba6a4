import { byId, element, setHidden, setText } from './dom.ts';
import { FLEET_COLUMNS, type FleetColumn } from './fleet-columns.ts';
import { recentGames, statusWords } from './fleet-facts.ts';
import { createFleetRow, type FleetRow } from './fleet-row.ts';
import { count, counted } from './format.ts';
import { watchSeenRows } from './seen-rows.ts';
import type { FleetInstance, FleetReply } from './types.ts';

export interface FleetTable {
  show(reply: FleetReply): void;
}

const byNaturalId = new Intl.Collator('en', { numeric: true });

/** The live table: sorted by a click on a column's head, filtered by a text. */
export function createFleetTable(): FleetTable {
  const body = byId<HTMLTableSectionElement>('fleet-rows');
  const filter = byId<HTMLInputElement>('filter');
  const rows = new Map<string, FleetRow>();
  const idOf = new WeakMap<Element, string>();
  const seen = watchSeenRows(byId('fleet-region'), (row) => showRow(idOf.get(row) ?? ''));
  const heads = createHeads(onHead);
  let instances: ReadonlyMap<string, FleetInstance> = new Map();
  let allRecent = 0;
  /** Place of each id among all ids: comparing texts a thousand times a second is not free. */
  let ranks = new Map<string, number>();
  let sort: { readonly column: FleetColumn; readonly descending: boolean } = {
    column: FLEET_COLUMNS[0] as FleetColumn,
    descending: false,
  };

  filter.addEventListener('input', showMatching);
  markSorted();

  function show(reply: FleetReply): void {
    instances = new Map(reply.instances.map((instance) => [instance.instance_id, instance]));
    allRecent = reply.instances.reduce((sum, instance) => sum + recentGames(instance), 0);
    for (const [id, { root }] of rows) {
      if (instances.has(id)) continue;
      seen.unwatch(root);
      root.remove();
      rows.delete(id);
    }
    for (const id of instances.keys()) {
      const row = rows.get(id);
      if (row === undefined) addRow(id);
      // Whoever is out of view is told when it comes into view: of a thousand, that are nearly all.
      else if (seen.has(row.root)) showRow(id);
    }
    rankIds();
    order();
    showMatching();
    showEmpty(reply);
    byId('fleet').setAttribute('aria-busy', 'false');
  }

  function addRow(id: string): void {
    const row = createFleetRow();
    rows.set(id, row);
    idOf.set(row.root, id);
    showRow(id);
    seen.watch(row.root);
  }

  function showRow(id: string): void {
    const instance = instances.get(id);
    if (instance !== undefined) rows.get(id)?.show(instance, allRecent);
  }

  function rankIds(): void {
    if (instances.size === ranks.size && [...instances.keys()].every((id) => ranks.has(id))) return;
    const ids = [...instances.keys()].sort(byNaturalId.compare);
    ranks = new Map(ids.map((id, rank) => [id, rank]));
  }

  /** Moves only rows that are not where they belong. */
  function order(): void {
    const { column, descending } = sort;
    const sign = descending ? -1 : 1;
    const keyed = [...instances].map(([id, instance]) => ({
      id,
      rank: ranks.get(id) ?? 0,
      value: column.sortBy(instance),
    }));
    keyed.sort((a, b) => {
      if (a.value !== b.value) return (a.value < b.value ? -1 : 1) * sign;
      return (a.rank - b.rank) * (column.key === 'id' ? sign : 1);
    });
    let next = body.firstElementChild;
    for (const { id } of keyed) {
      const row = rows.get(id)?.root;
      if (row === undefined) continue;
      if (row === next) next = next.nextElementSibling;
      else body.insertBefore(row, next);
    }
  }

  function showMatching(): void {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    for (const [id, { root }] of rows) {
      const matches = wanted === '' || searchedText(instances.get(id)).includes(wanted);
      setHidden(root, !matches);
      if (matches) shown += 1;
    }
    const all = counted(rows.size, 'instance');
    setText(byId('fleet-count'), shown === rows.size ? all : `${count(shown)} of ${all}`);
  }

  function showEmpty({ failing, service }: FleetReply): void {
    const empty = byId('fleet-empty');
    setHidden(empty, instances.size > 0);
    setHidden(byId('fleet-loading'), true);
    if (instances.size > 0) return;
    setText(
      empty,
      failing.length > 0
        ? `No instance of ${service} passes its checks in Consul: new games cannot be placed.`
        : `Consul lists no instance of ${service}. An instance appears here as soon as it is registered and its checks pass.`,
    );
  }

  function onHead(column: FleetColumn): void {
    const again = column === sort.column;
    sort = { column, descending: again ? !sort.descending : column.mostFirst };
    markSorted();
    order();
  }

  function markSorted(): void {
    for (const [column, head] of heads) {
      if (column !== sort.column) head.removeAttribute('aria-sort');
      else head.setAttribute('aria-sort', sort.descending ? 'descending' : 'ascending');
    }
  }

  return { show };
}

function searchedText(instance: FleetInstance | undefined): string {
  return instance === undefined ? '' : `${instance.instance_id} ${statusWords(instance)}`.toLowerCase();
}

function createHeads(onHead: (column: FleetColumn) => void): ReadonlyMap<FleetColumn, HTMLElement> {
  return new Map(
    FLEET_COLUMNS.map((column) => {
      const button = element('button', '', column.title);
      button.type = 'button';
      button.addEventListener('click', () => onHead(column));
      const head = element('th', `c-${column.key}`, button);
      head.scope = 'col';
      head.setAttribute('role', 'columnheader');
      byId('fleet-head').append(head);
      return [column, head];
    }),
  );
}
