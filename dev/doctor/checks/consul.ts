import { createConsulDiscovery } from '../../../lib/adapters/consul/discovery.ts';
import { createHttpClient, type HttpClient } from '../../../lib/adapters/http/http-client.ts';
import type { Log } from '../../../lib/app/ports.ts';
import { UpstreamError } from '../../../lib/app/upstream-error.ts';
import type { AllocatorConfig } from '../../../lib/config/allocator-config.ts';
import type { FleetList } from '../../../lib/domain/fleet.ts';
import { type Asking, timed } from '../ask.ts';
import { explainFailure, shown, type Target } from '../explain-failure.ts';
import { type Checked, type Finding, failed, ok, warning } from '../report.ts';

export interface ConsulChecked {
  readonly checked: Checked;
  /** By service; those that could be read. */
  readonly lists: ReadonlyMap<string, FleetList>;
}

/** What the allocator itself logs is said by the findings. */
export const SILENT: Log = { debug: () => {}, info: () => {}, warning: () => {}, error: () => {} };
const MAX_ANSWER_BYTES = 1024 * 1024;

/** Asks Consul for each configured service, as the allocator does. */
export async function checkConsul(
  { consul, services, view }: AllocatorConfig,
  token: string | undefined,
  asking: Asking,
): Promise<ConsulChecked> {
  const target = {
    name: 'Consul',
    at: shown(consul.baseUrl),
    setting: 'CONSUL_URL (or CONSUL_HOST, CONSUL_PORT)',
    credential: 'CONSUL_TOKEN',
  };
  const headers = () => (token === undefined ? {} : { 'x-consul-token': token });
  const http = createHttpClient({
    upstream: 'consul',
    baseUrl: consul.baseUrl,
    headers,
    maxResponseBytes: MAX_ANSWER_BYTES,
  });
  const [version, ...asked] = await Promise.all([
    readVersion(http, asking.limit()),
    ...services.map(async ({ name }) => {
      const discovery = createConsulDiscovery({
        ...consul,
        ...{ serviceName: name, maxAgeMs: view.staleMs, token: () => token, log: SILENT },
      });
      try {
        return { name, ...(await timed(() => discovery.list(asking.limit()))) };
      } catch (error) {
        return { name, error };
      }
    }),
  ]);
  http.close();

  const answers = asked.filter((answer) => 'value' in answer);
  const findings = asked.map((answer) =>
    'value' in answer
      ? judge(answer.name, answer.value, answer.name === services[0].name)
      : explain(answer.error, answer.name, target, asking.timeoutMs),
  );
  return {
    checked: {
      ...(version !== undefined && { version }),
      ...(answers.length > 0 && { ms: Math.min(...answers.map(({ ms }) => ms)) }),
      findings: withoutRepeats(findings),
    },
    lists: new Map(answers.map(({ name, value }) => [name, value])),
  };
}

function judge(service: string, { instances, unusable, duplicates }: FleetList, needed: boolean): Finding {
  const count = (status: string) => instances.filter((instance) => instance.status === status).length;
  const counts = `${count('eligible')} eligible, ${count('listed')} listed, ${count('gone')} gone`;
  const odd = `${unusable} unusable${duplicates > 0 ? `, ${duplicates} duplicates` : ''}`;
  const text = `${service}: ${counts}, ${odd}`;
  if (needed && count('eligible') === 0) {
    return failed(
      text,
      instances.length + unusable === 0
        ? `Consul knows no ${service}: is that its name there (GAME_SERVICE_NAME, SERVICES), and is it registered?`
        : `No ${service} can take a game: look at the checks of its instances in Consul.`,
    );
  }
  if (unusable > 0) {
    return warning(
      text,
      `Some of ${service} cannot be used: an address must be set and have no white space, * or > (INSTANCE_ID chooses address or service_id).`,
    );
  }
  return ok(text);
}

function explain(error: unknown, service: string, target: Target, timeoutMs: number): Finding {
  // Without a status: it answered 200, with less than there is.
  if (error instanceof UpstreamError && error.failure === 'refused' && error.status === undefined) {
    return failed(
      `${service}: Consul filtered its answer by ACL`,
      `The token (CONSUL_TOKEN) needs service:read on ${service} and node:read on its nodes.`,
    );
  }
  return explainFailure(error, target, timeoutMs);
}

/** The agent tells its version to whoever may read it; without that right everything else still works. */
async function readVersion(http: HttpClient, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { body } = await http.request({ method: 'GET', path: '/v1/agent/self', signal });
    const { Config }: { Config?: { Version?: unknown } } = JSON.parse(body);
    return typeof Config?.Version === 'string' ? Config.Version : undefined;
  } catch {
    return undefined; // the services' own answers say what is wrong
  }
}

/** A Consul that is down is down for each service, and said once. */
function withoutRepeats(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ text }, index) => findings.findIndex((other) => other.text === text) === index);
}
