import { element } from './dom.ts';
import { capacityText, FLEET_COLUMNS, type FleetColumn, gamesText, recentText, sampleText } from './fleet-columns.ts';
import { cpuUse, ramUse, statusWords } from './fleet-facts.ts';
import type { FleetInstance } from './types.ts';
import { createUseBar } from './use-bar.ts';

export interface FleetRow {
  readonly root: HTMLTableRowElement;
  show(instance: FleetInstance, allRecent: number): void;
}

/** One instance. Kept as long as it is there; an update touches only the cells whose text is another one. */
export function createFleetRow(): FleetRow {
  const root = element('tr');
  root.setAttribute('role', 'row');
  const cells = {} as Record<FleetColumn['key'], HTMLTableCellElement>;
  /** Written in place: a new text node for each of thousands of cells takes twice as long. */
  const texts = {} as Record<FleetColumn['key'], Text>;
  for (const { key } of FLEET_COLUMNS) {
    const cell = element(key === 'id' ? 'th' : 'td', `c-${key}`);
    if (key === 'id') cell.scope = 'row';
    cell.setAttribute('role', key === 'id' ? 'rowheader' : 'cell');
    texts[key] = cell.appendChild(document.createTextNode(''));
    cells[key] = root.appendChild(cell);
  }
  const bars = { cpu: createUseBar(), ram: createUseBar() };
  cells.cpu.append(bars.cpu.root);
  cells.ram.append(bars.ram.root);

  /** Whether it is another text than before. */
  function write(key: FleetColumn['key'], text: string): boolean {
    if (texts[key].data === text) return false;
    texts[key].data = text;
    return true;
  }

  return {
    root,
    show(instance, allRecent) {
      const status = statusWords(instance);
      write('id', instance.instance_id);
      if (write('status', status)) root.dataset['status'] = status;
      write('size', capacityText(instance));
      bars.cpu.show(cpuUse(instance));
      bars.ram.show(ramUse(instance));
      write('games', gamesText(instance));
      write('recent', recentText(instance, allRecent));
      write('sample', sampleText(instance));
    },
  };
}
