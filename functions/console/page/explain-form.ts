import type { Answer, Api } from './api-client.ts';
import { candidateCount, createCandidates } from './candidates.ts';
import { byId, element, setHidden, setText } from './dom.ts';
import { type ExplainFields, readExplainRequest } from './explain-request.ts';
import { bytes, cores, words } from './format.ts';
import type { AssignReply, ExplainReply } from './types.ts';

/** "Where would this game go, and why?", dry or for real. `onRefused`: the token is not accepted any more. */
export function createExplainForm(api: () => Api, onRefused: () => void): void {
  const form = byId<HTMLFormElement>('explain-form');
  const candidates = createCandidates();

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const pressed = event.submitter instanceof HTMLButtonElement ? event.submitter.value : 'explain';
    void submit(pressed === 'assign');
  });

  async function submit(forReal: boolean): Promise<void> {
    const read = readExplainRequest(Object.fromEntries(new FormData(form)) as unknown as ExplainFields);
    setText(byId('explain-problem'), 'problem' in read ? read.problem : '');
    if ('problem' in read) return;
    busy(true);
    // The explanation first: it tells what was there before this game.
    const explained = await api().call<ExplainReply>('fleet/explain', { method: 'POST', body: read.request });
    const assigned = forReal
      ? await api().call<AssignReply>('assign', { method: 'POST', body: read.request })
      : undefined;
    busy(false);
    if (explained.kind === 'refused' || assigned?.kind === 'refused') return onRefused();
    setHidden(byId('explain-hint'), true);
    byId('assigned').replaceChildren(...(assigned === undefined ? [] : describeAssigned(assigned)));
    byId('explained').replaceChildren(...describeExplained(explained));
    candidates.show(explained.kind === 'ok' ? explained.body.candidates : []);
  }

  function busy(is: boolean): void {
    for (const button of form.querySelectorAll('button')) button.disabled = is;
    form.setAttribute('aria-busy', String(is));
  }
}

function describeAssigned(answer: Answer<AssignReply>): readonly Node[] {
  if (answer.kind !== 'ok') return [failure('Not assigned', answer)];
  const { instance_id, port, replayed, reassigned, degraded = [] } = answer.body;
  const notes = [
    ...(replayed ? ['an earlier request had assigned it'] : []),
    ...(reassigned ? ['its earlier server is gone'] : []),
    ...(degraded.length > 0 ? [`decided without ${degraded.join(' and ')}`] : []),
  ];
  const where = port === undefined ? instance_id : `${instance_id}:${port}`;
  return [
    element(
      'p',
      'verdict done',
      'Assigned: it runs at ',
      element('b', '', where),
      notes.length > 0 ? ` (${notes.join(', ')})` : '',
    ),
  ];
}

function describeExplained(answer: Answer<ExplainReply>): readonly Node[] {
  if (answer.kind !== 'ok') return [failure('No explanation', answer)];
  const { decision, instance_id, message, game, candidates } = answer.body;
  const title = VERDICTS[decision] ?? words(decision);
  const verdict = element(
    'p',
    'verdict',
    title,
    ...(instance_id === undefined ? [] : [' ', element('b', '', instance_id)]),
  );
  const expected = `Expected of this game: ${cores(game.cpu_cores)}, ${bytes(game.memory_bytes)}. ${candidateCount(candidates)}; CPU and RAM are with this game.`;
  return [verdict, element('p', '', message), element('p', 'note', expected)];
}

const VERDICTS: Readonly<Record<string, string>> = {
  placed: 'It would go to',
  recorded: 'It is recorded already at',
  no_candidate: 'There is no server for it',
  no_capacity: 'Every server is full',
  too_many_games: 'The service has as many games as it may',
  conflict: 'Something else is under its key in Redis',
};

/** What went wrong with a request, in the allocator's own words where it has any. */
export function failure(title: string, answer: Exclude<Answer<unknown>, { kind: 'ok' }>): HTMLElement {
  const message = answer.kind === 'refused' ? 'The token is not accepted.' : answer.message;
  const code = answer.kind === 'failed' ? ` (${answer.code})` : '';
  return element('p', 'verdict failed', element('b', '', `${title}.`), ` ${message}${code}`);
}
