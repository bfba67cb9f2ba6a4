import { createHttpClient, type HttpClient } from '../../../lib/adapters/http/http-client.ts';
import { createPrometheusMetrics } from '../../../lib/adapters/prometheus/metrics.ts';
import { fillTemplate, fleetQuery } from '../../../lib/adapters/prometheus/query.ts';
import type { AllocatorConfig } from '../../../lib/config/allocator-config.ts';
import type { FleetList, Sample } from '../../../lib/domain/fleet.ts';
import { type Asking, timed } from '../ask.ts';
import { explainFailure, shown } from '../explain-failure.ts';
import { type Checked, type Finding, failed, ok, skipped, warning } from '../report.ts';
import { SILENT } from './consul.ts';

type Lists = ReadonlyMap<string, FleetList>;

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** Of a set of labels this many are shown. */
const SHOWN = 5;
/** A sample that is so many scrapes old is not the newest that there should be. */
const LATE_SCRAPES = 4;
const LATE_LEAST_S = 30;
/** Two clocks are never the same. */
const AHEAD_S = 5;

/** Asks Prometheus for the load of each service, as the allocator does, and compares who is in it with Consul's list. */
export async function checkPrometheus(
  config: AllocatorConfig,
  token: string | undefined,
  consulLists: Promise<Lists>,
  asking: Asking,
): Promise<Checked> {
  const { prometheus } = config;
  if (prometheus === undefined) return skipped('PROMETHEUS_URL is off: games are placed by their own counts');
  const target = {
    name: 'Prometheus',
    at: shown(prometheus.baseUrl),
    setting: 'PROMETHEUS_URL',
    credential: 'PROMETHEUS_TOKEN',
  };
  const http = createHttpClient({
    upstream: 'prometheus',
    baseUrl: prometheus.baseUrl,
    headers: () => (token === undefined ? {} : { authorization: `Bearer ${token}` }),
    maxResponseBytes: MAX_ANSWER_BYTES,
  });
  try {
    const [version, asked, lists] = await Promise.all([
      readVersion(http, asking.limit()),
      Promise.all(config.services.map(({ name }) => askLoad(name, config, prometheus, token, asking))),
      consulLists,
    ]);
    const findings: Finding[] = [];
    for (const answer of asked) {
      if ('error' in answer) {
        const finding = explainFailure(answer.error, target, asking.timeoutMs);
        if (!findings.some(({ text }) => text === finding.text)) findings.push(finding);
        continue;
      }
      const isFirst = answer.service === config.services[0].name;
      const list = lists.get(answer.service);
      // Of the services beside the first one there may be none.
      if (!isFirst && (list?.instances.length ?? 0) === 0 && answer.value.size === 0) continue;
      findings.push(...(await judge(answer.service, answer.value, list, { config, prometheus, http, asking })));
    }
    const times = asked.flatMap((answer) => ('ms' in answer && answer.ms !== undefined ? [answer.ms] : []));
    return {
      ...(version !== undefined && { version }),
      ...(times.length > 0 && { ms: Math.min(...times) }),
      findings,
    };
  } finally {
    http.close();
  }
}

type PrometheusConfig = NonNullable<AllocatorConfig['prometheus']>;

async function askLoad(
  service: string,
  config: AllocatorConfig,
  prometheus: PrometheusConfig,
  token: string | undefined,
  asking: Asking,
) {
  const metrics = createPrometheusMetrics({
    ...prometheus,
    token: () => token,
    query: fleetQuery(queriesOf(service, config, prometheus)),
    log: SILENT,
  });
  try {
    const { value, ms } = await timed(() => metrics.load(asking.limit()));
    return { service, value: value.samples, ms };
  } catch (error) {
    return { service, error };
  }
}

function queriesOf(service: string, { placement }: AllocatorConfig, { label, templates }: PrometheusConfig) {
  const values = { service, label, windowS: placement.cpuWindowS };
  return {
    cpu: fillTemplate(templates.cpu, values),
    memory: fillTemplate(templates.memory, values),
    time: fillTemplate(templates.time, values),
  };
}

interface Around {
  readonly config: AllocatorConfig;
  readonly prometheus: PrometheusConfig;
  readonly http: HttpClient;
  readonly asking: Asking;
}

async function judge(
  service: string,
  samples: ReadonlyMap<string, Sample>,
  list: FleetList | undefined,
  around: Around,
): Promise<Finding[]> {
  if (samples.size === 0) return [await explainNothing(service, list, around)];
  return [compare(service, samples, list, around), judgeAge(service, samples, around)];
}

function compare(
  service: string,
  samples: ReadonlyMap<string, Sample>,
  list: FleetList | undefined,
  { prometheus }: Around,
): Finding {
  if (list === undefined) return ok(`${service}: load of ${samples.size}; who of Consul's that is cannot be told`);
  const ids = list.instances.map(({ id }) => id);
  const wanted = list.instances.filter(({ status }) => status !== 'gone').map(({ id }) => id);
  const unmatched = wanted.filter((id) => !samples.has(id));
  const text = `${service}: load of ${wanted.length - unmatched.length} of Consul's ${wanted.length}`;
  if (unmatched.length === 0) return ok(text);
  const others = [...samples.keys()].filter((id) => !ids.includes(id));
  const sets = `only Consul has ${some(unmatched)}; only Prometheus has ${some(others)}`;
  const advice = `An instance is one where the host part of the label ${prometheus.label} (PROMETHEUS_INSTANCE_LABEL) is Consul's address (INSTANCE_ID): ${sets}.`;
  return unmatched.length === wanted.length ? failed(text, advice) : warning(text, advice);
}

function judgeAge(service: string, samples: ReadonlyMap<string, Sample>, { config }: Around): Finding {
  const { scrapeIntervalS } = config.placement;
  const ageS = Date.now() / 1000 - Math.max(...[...samples.values()].map(({ atS }) => atS));
  const text = `${service}: newest sample is ${ageS.toFixed(1)} s old`;
  if (ageS > Math.max(LATE_LEAST_S, LATE_SCRAPES * scrapeIntervalS)) {
    return warning(
      text,
      `With a scrape each ${scrapeIntervalS} s (SCRAPE_INTERVAL_S) it should be newer: does Prometheus still scrape, and do the clocks agree?`,
    );
  }
  if (ageS < -AHEAD_S)
    return warning(text, 'It is from the future: do the clocks of this machine and of Prometheus agree?');
  return ok(text);
}

/** Which of the three queries finds nothing, and what Prometheus calls whatever it knows. */
async function explainNothing(service: string, list: FleetList | undefined, around: Around): Promise<Finding> {
  const { config, prometheus, http, asking } = around;
  const queries = queriesOf(service, config, prometheus);
  const settings = {
    PROMETHEUS_CPU_QUERY: queries.cpu,
    PROMETHEUS_MEMORY_QUERY: queries.memory,
    PROMETHEUS_TIME_QUERY: queries.time,
  };
  const [counts, known] = await Promise.all([
    Promise.all(
      Object.entries(settings).map(async ([name, query]) => ({
        name,
        count: await countSeries(http, query, asking.limit()),
      })),
    ),
    readLabelValues(http, prometheus.label, asking.limit()),
  ]);
  const empty = counts.filter(({ count }) => count === 0).map(({ name }) => name);
  const ids = (list?.instances ?? []).map(({ id }) => id);
  const text = `${service}: the query matches nothing`;
  const sets = `Consul has ${some(ids)}; the label ${prometheus.label} of Prometheus has ${some(known)}`;
  const advice =
    empty.length === 0
      ? `Each query finds series, and none with all three of an instance: they have to be by the label ${prometheus.label} (PROMETHEUS_INSTANCE_LABEL). ${sets}.`
      : `${empty.join(', ')} find${empty.length === 1 ? 's' : ''} no series: are the metric's name and its selector those of your exporter? ${sets}.`;
  // Where nobody is there to be measured, nothing is what there should be.
  return list?.instances.length === 0 ? warning(text, advice) : failed(text, advice);
}

async function countSeries(http: HttpClient, query: string, signal: AbortSignal): Promise<number | undefined> {
  const body = new URLSearchParams({ query }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await readJson<{ data?: { result?: unknown } }>(
    http.request({ method: 'POST', path: '/api/v1/query', body, headers, signal }),
  );
  return Array.isArray(answer?.data?.result) ? answer.data.result.length : undefined;
}

async function readLabelValues(http: HttpClient, label: string, signal: AbortSignal): Promise<readonly string[]> {
  const answer = await readJson<{ data?: unknown }>(
    http.request({ method: 'GET', path: `/api/v1/label/${encodeURIComponent(label)}/values`, signal }),
  );
  return Array.isArray(answer?.data) ? answer.data.map(String) : [];
}

async function readVersion(http: HttpClient, signal: AbortSignal): Promise<string | undefined> {
  const answer = await readJson<{ data?: { version?: unknown } }>(
    http.request({ method: 'GET', path: '/api/v1/status/buildinfo', signal }),
  );
  return typeof answer?.data?.version === 'string' ? answer.data.version : undefined;
}

/** For what is only shown: undefined where it cannot be had. What is wrong is said by the query itself. */
async function readJson<T>(answer: ReturnType<HttpClient['request']>): Promise<T | undefined> {
  try {
    return JSON.parse((await answer).body) as T;
  } catch {
    return undefined;
  }
}

function some(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}
