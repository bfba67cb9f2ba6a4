import type { Answer } from './api-client.ts';
import { byId, setHidden, setText, showPairs } from './dom.ts';
import { count, decimal, duration, milliseconds, words } from './format.ts';
import type { RelayReport } from './types.ts';

/** The relay's rates and percentiles, where it is the relay that serves this page. */
export function showRelay(answer: Answer<RelayReport>): void {
  const note = byId('relay-note');
  if (answer.kind === 'ok') {
    const { nats, version, uptime_s } = answer.body;
    setText(note, `${version}, up for ${duration(uptime_s)}, NATS: ${words(nats)}`);
    showReport(answer.body);
  } else if (answer.kind === 'failed' && answer.status === 404) {
    setText(note, "A relay's rates and percentiles are in the relay's own console, on its port.");
  } else {
    setText(note, answer.kind === 'refused' ? '' : `Not known just now: ${answer.message}`);
  }
  for (const id of ['relay-rates', 'relay-counts']) setHidden(byId(id), answer.kind !== 'ok');
}

function showReport(report: RelayReport): void {
  const { rates, latency_ms: latency } = report;
  const ms = (value: number | undefined) => (value === undefined ? '–' : milliseconds(value));
  showPairs(byId('relay-rates'), [
    ['Requests/s', decimal(rates.requests_per_s)],
    ['Failures/s', decimal(rates.failures_per_s)],
    ['In flight', count(report.in_flight)],
    ['p50', ms(latency?.p50)],
    ['p95', ms(latency?.p95)],
    ['p99', ms(latency?.p99)],
  ]);
  showPairs(byId('relay-counts'), [
    ['Received', count(report.received)],
    ['Calls made', count(report.calls)],
    ['Hedged', count(report.hedged)],
    ['Retried', count(report.retried)],
    ['Rate limited', count(report.rate_limited)],
    ['Late replies', count(report.late_replies)],
    ['Lost replies', count(report.lost_replies)],
    ...byName('Failed', report.failed),
    ...byName('Upstream', report.upstream_failures),
  ]);
}

function byName(title: string, counts: Readonly<Record<string, number>>): readonly (readonly [string, string])[] {
  const some = Object.entries(counts).filter(([, value]) => value > 0);
  return some.map(([name, value]) => [`${title}: ${words(name)}`, count(value)]);
}
