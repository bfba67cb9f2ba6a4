import { element } from './dom.ts';
import type { Use } from './fleet-facts.ts';
import { percent } from './format.ts';

export interface UseBar {
  readonly root: HTMLElement;
  show(use: Use): void;
}

/** From here on there is hardly room for a further game. */
const HIGH = 0.9;

/** A bar with what was measured and, lighter, what is pending on top; and both in figures. */
export function createUseBar(): UseBar {
  const bar = element('span', 'bar');
  const figure = document.createTextNode('');
  const more = document.createTextNode('');
  const pending = element('span', 'pending', more);
  const root = element('span', 'use', bar, element('span', 'figure', figure), pending);
  let shown = '';
  return {
    root,
    show({ measured, pending: onTop }) {
      const expected = (measured ?? 0) + onTop;
      const rounded = Math.round(onTop * 100);
      // A thousandth is less than a pixel.
      const ends = [permille(measured ?? 0), permille(expected)] as const;
      const next = `${ends[0]} ${ends[1]} ${rounded} ${measured === undefined}`;
      if (next === shown) return;
      shown = next;
      bar.style.setProperty('--measured', `${ends[0] / 10}%`);
      bar.style.setProperty('--expected', `${ends[1] / 10}%`);
      bar.classList.toggle('high', expected >= HIGH);
      setData(figure, measured === undefined ? '?' : percent(measured));
      if (setData(more, rounded === 0 ? '' : `+${rounded}`)) pending.title = rounded === 0 ? '' : ON_TOP;
    },
  };
}

const ON_TOP = 'per cent that are expected on top of what was measured';

/** Whether it is another text than before. */
function setData(text: Text, data: string): boolean {
  if (text.data === data) return false;
  text.data = data;
  return true;
}

function permille(share: number): number {
  return Math.round(Math.min(1, Math.max(0, share)) * 1000);
}
