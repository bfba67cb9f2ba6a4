import { type Answer, type Api, createApi } from './api-client.ts';
import { type Banner, fleetBanners, showBanners } from './banners.ts';
import { byId } from './dom.ts';
import { createExplainForm } from './explain-form.ts';
import { createFleetTable } from './fleet-table.ts';
import { createFreshness } from './freshness.ts';
import { createGate, keptToken, NO_LONGER_ACCEPTED, REFUSED } from './gate.ts';
import { createLookUpForm } from './look-up-form.ts';
import { showOverview } from './overview.ts';
import { type Poll, startPoll } from './poll.ts';
import { createRecentChart } from './recent-chart.ts';
import { createRecentHistory } from './recent-history.ts';
import { showRelay } from './relay-panel.ts';
import type { FleetReply, RelayReport } from './types.ts';

const FLEET_PACE = { everyMs: 1000, hiddenMs: 15_000 };
const RELAY_PACE = { everyMs: 2000, hiddenMs: 30_000 };
const SHOWN_INSTANCES = 8;

const table = createFleetTable();
const history = createRecentHistory(SHOWN_INSTANCES);
const chart = createRecentChart();
const freshness = createFreshness();
const gate = createGate(tryToken, open);
let api: Api = createApi('');
let polls: readonly Poll[] = [];
let known: FleetReply | undefined;

createExplainForm(() => api, leaveRefused);
createLookUpForm(() => api, leaveRefused);
byId('leave').addEventListener('click', () => leave(''));

const token = keptToken();
if (token === undefined) gate.ask('');
else open(token);

/** What is wrong with the token, or undefined. A server in trouble lets it in: the console says what the trouble is. */
async function tryToken(candidate: string): Promise<string | undefined> {
  const answer = await createApi(candidate).call<FleetReply>('fleet');
  if (answer.kind === 'refused') return REFUSED;
  if (answer.kind === 'unreachable') return `${answer.message} The token could not be tried; try again.`;
  return undefined;
}

function open(accepted: string): void {
  api = createApi(accepted);
  byId('console').hidden = false;
  freshness.reset();
  polls = [startPoll(FLEET_PACE, askFleet), startPoll(RELAY_PACE, askRelay)];
}

function leave(problem: string): void {
  for (const poll of polls) poll.stop();
  polls = [];
  gate.ask(problem);
}

function leaveRefused(): void {
  if (polls.length > 0) leave(NO_LONGER_ACCEPTED);
}

async function askFleet(): Promise<void> {
  const answer = await api.call<FleetReply>('fleet');
  if (polls.length === 0) return;
  if (answer.kind === 'refused') return leaveRefused();
  if (answer.kind === 'ok') showFleet(answer.body);
  else showBanners([troubleWith(answer), ...(known === undefined ? [] : fleetBanners(known))]);
}

function showFleet(reply: FleetReply): void {
  performance.mark('fleet-begin');
  known = reply;
  history.add(reply);
  showOverview(reply);
  table.show(reply);
  if (reply.recent !== undefined) chart.show(history.read(reply.recent.bucket_s));
  showBanners(fleetBanners(reply));
  freshness.answered();
  performance.measure('fleet-update', 'fleet-begin');
}

function troubleWith(answer: Exclude<Answer<unknown>, { kind: 'ok' | 'refused' }>): Banner {
  const shown = known === undefined ? '' : ' What is shown is the last that was known.';
  const text =
    answer.kind === 'unreachable' ? answer.message : `The allocator answers “${answer.code}”: ${answer.message}`;
  return { level: 'error', text: `${text} It is asked again and again.${shown}` };
}

async function askRelay(): Promise<void> {
  const answer = await api.call<RelayReport>('relay');
  if (polls.length === 0) return;
  if (answer.kind === 'refused') return leaveRefused();
  showRelay(answer);
}
