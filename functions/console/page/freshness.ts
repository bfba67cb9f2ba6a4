import { byId, setText } from './dom.ts';
import { ago } from './format.ts';

/** From here on figures are shown as what they are: old. */
const STALE_S = 5;

/** How old what is shown is. It counts on while nobody answers; not said aloud, since the banners say what is wrong. */
export function createFreshness() {
  const line = byId('freshness');
  let answeredAt: number | undefined;
  setInterval(show, 1000);

  function show(): void {
    if (answeredAt === undefined) return;
    const ageS = (performance.now() - answeredAt) / 1000;
    const stale = ageS > STALE_S && !document.hidden;
    line.dataset['state'] = stale ? 'stale' : 'live';
    document.body.classList.toggle('stale', stale);
    setText(line, stale ? `Last answer ${ago(ageS)}` : 'Live');
  }

  return {
    answered(): void {
      answeredAt = performance.now();
      show();
    },
    /** Nothing has been asked yet. */
    reset(): void {
      answeredAt = undefined;
      line.dataset['state'] = 'waiting';
      setText(line, 'Asking the allocator …');
    },
  };
}
