import { byId, element, setHidden, setText, showPairs } from './dom.ts';
import { totalsOf, type Use } from './fleet-facts.ts';
import { ago, count, percent } from './format.ts';
import type { FleetReply, SourceName, SourceReport } from './types.ts';

const SOURCES: readonly (readonly [SourceName, string, string])[] = [
  ['consul', 'Consul', 'who is healthy'],
  ['prometheus', 'Prometheus', 'how loaded'],
  ['redis', 'Redis', 'what is recorded'],
];
const SHOWN_FAILING = 12;
const UNKNOWN = '–';

/** The line of figures, the state of each dependency, and who fails. */
export function showOverview(reply: FleetReply): void {
  const { games, recent, cpu, ram } = totalsOf(reply);
  const eligible = reply.instances.filter(({ status }) => status === 'eligible').length;
  showPairs(byId('figures'), [
    ['Instances', count(reply.instances.length)],
    ['Taking games', count(eligible)],
    ['Failing', atMost(reply.failing.length)],
    ['Games now', games === undefined ? UNKNOWN : count(games)],
    ['Games in 5 min', reply.recent === undefined ? UNKNOWN : count(recent)],
    ['CPU', useText(cpu)],
    ['RAM', useText(ram)],
  ]);
  showSources(reply.sources);
  showFailing(reply.failing);
  setText(byId('service'), reply.service);
}

function showSources(sources: FleetReply['sources']): void {
  const list = byId('sources');
  for (const [index, [name, title, role]] of SOURCES.entries()) {
    const item =
      list.children[index] ?? list.appendChild(element('li', 'source', element('b', '', title), element('span')));
    const { state } = sources[name];
    if (item instanceof HTMLElement) {
      item.dataset['state'] = state;
      item.title = role;
    }
    setText(item.lastElementChild as HTMLElement, sourceText(sources[name]));
  }
}

function sourceText({ state, age_ms }: SourceReport): string {
  return age_ms === undefined ? state : `${state}, ${ago(age_ms / 1000)}`;
}

function showFailing(failing: readonly string[]): void {
  const line = byId('failing');
  setHidden(line, failing.length === 0);
  const shown = failing.slice(0, SHOWN_FAILING).join(', ');
  const more = failing.length - SHOWN_FAILING;
  setText(line, `Failing their checks: ${shown}${more > 0 ? ` and ${atMost(more)} more` : ''}`);
}

/** The reply lists a hundred of them at most. */
function atMost(value: number): string {
  return value >= 100 ? '100 or more' : count(value);
}

function useText({ measured, pending }: Use): string {
  if (measured === undefined) return UNKNOWN;
  const more = Math.round(pending * 100);
  return more === 0 ? percent(measured) : `${percent(measured)} +${more}`;
}
