import type { Api } from './api-client.ts';
import { byId, element, setHidden, setText } from './dom.ts';
import { failure } from './explain-form.ts';
import { duration } from './format.ts';
import type { LookUpReply } from './types.ts';

/** Where a game runs; and, after a second click, its end. */
export function createLookUpForm(api: () => Api, onRefused: () => void): void {
  const form = byId<HTMLFormElement>('look-up-form');
  const result = byId('looked-up');
  const ask = byId('release-ask');
  const release = byId('release-do');
  const keep = byId('release-keep');
  let found = '';

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void lookUp(String(new FormData(form).get('game_id') ?? '').trim());
  });
  ask.addEventListener('click', () => confirming(true));
  keep.addEventListener('click', () => confirming(false));
  release.addEventListener('click', () => void end());

  async function lookUp(gameId: string): Promise<void> {
    if (gameId === '') return;
    const answer = await api().call<LookUpReply>(`games/${encodeURIComponent(gameId)}`);
    if (answer.kind === 'refused') return onRefused();
    found = answer.kind === 'ok' ? gameId : '';
    if (answer.kind === 'ok') {
      const { instance_id, expires_in_s } = answer.body;
      show(element('p', 'verdict', 'It runs at ', element('b', '', instance_id)));
      const lives =
        expires_in_s === undefined
          ? 'Its record never expires.'
          : `Its record lives for another ${duration(expires_in_s)}.`;
      result.append(element('p', 'note', lives));
    } else if (answer.kind === 'failed' && answer.status === 404 && answer.code === 'not_found') {
      show(element('p', 'verdict', 'No game of that id is assigned.'));
    } else show(failure('Not looked up', answer));
  }

  async function end(): Promise<void> {
    const answer = await api().call(`games/${encodeURIComponent(found)}`, { method: 'DELETE' });
    if (answer.kind === 'refused') return onRefused();
    if (answer.kind === 'ok') found = '';
    show(
      answer.kind === 'ok' ? element('p', 'verdict', 'Released: its place is free.') : failure('Not released', answer),
    );
    form.querySelector('input')?.focus();
  }

  function show(verdict: HTMLElement): void {
    result.replaceChildren(verdict);
    setHidden(byId('release'), found === '');
    setHidden(ask, false);
    setHidden(release, true);
    setHidden(keep, true);
  }

  function confirming(is: boolean): void {
    setText(release, `Release ${found}`);
    setHidden(ask, is);
    setHidden(release, !is);
    setHidden(keep, !is);
    (is ? keep : ask).focus();
  }
}
