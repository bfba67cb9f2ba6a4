import { byId, element, setHidden, setText } from './dom.ts';
import { ago, counted, percent, words } from './format.ts';
import type { Candidate } from './types.ts';

/** So many at once: most answers end there, and a thousand rows are worth a further click. */
const STEP = 50;

/** Of a score, less is better; with `pack` the fullest below the ceiling is. */
const REASONS: Readonly<Record<string, string>> = {
  chosen: 'goes here',
  recorded: 'is here already',
  higher_score: 'higher score',
  lower_score: 'less full',
  above_ceiling: 'would be above the ceiling',
  unmeasured: 'not measured',
  less_preferred: 'less preferred',
  full: 'full',
  not_considered: 'not considered',
  not_selected: 'does not match Require',
  draining: 'draining',
  not_taking: 'maintenance or a warning',
  failing: 'fails its checks',
};

/** The table of candidates, best first. */
export function createCandidates() {
  const body = byId('candidate-rows');
  const more = byId<HTMLButtonElement>('more-candidates');
  let candidates: readonly Candidate[] = [];
  more.addEventListener('click', addRows);

  function addRows(): void {
    const shown = body.children.length;
    body.append(...candidates.slice(shown, shown + STEP).map((each, index) => rowOf(each, shown + index + 1)));
    const left = candidates.length - body.children.length;
    setHidden(more, left <= 0);
    setText(more, `Show more (${left} left)`);
  }

  return {
    show(next: readonly Candidate[]): void {
      candidates = next;
      setHidden(byId('candidates-region'), next.length === 0);
      body.replaceChildren();
      byId('candidates-region').scrollTop = 0;
      addRows();
    },
  };
}

function rowOf(candidate: Candidate, place: number): HTMLTableRowElement {
  const { instance_id, reason, score, cpu, ram, games, sample_age_s } = candidate;
  const name = element('th', '', instance_id);
  name.scope = 'row';
  const row = element(
    'tr',
    '',
    number(String(place)),
    name,
    element('td', '', REASONS[reason] ?? words(reason)),
    number(score === undefined ? '' : score.toPrecision(3)),
    number(cpu === undefined ? '' : percent(cpu)),
    number(ram === undefined ? '' : percent(ram)),
    number(games === undefined ? '' : String(games)),
    number(sample_age_s === undefined ? 'none' : ago(sample_age_s)),
  );
  row.dataset['reason'] = reason;
  return row;
}

function number(text: string): HTMLTableCellElement {
  return element('td', 'number', text);
}

/** `3 candidates` */
export function candidateCount(candidates: readonly Candidate[]): string {
  return counted(candidates.length, 'candidate');
}
