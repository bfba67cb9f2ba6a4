import { type ServiceInfo, Svcm } from '@nats-io/services';
import { connect, type NatsConnection } from 'nats';
import { createAuthenticator } from '../../../lib/adapters/nats/credentials.ts';
import type { RelayConfig } from '../../../lib/config/relay-config.ts';
import { type Asking, timed, unlessAborted } from '../ask.ts';
import { codeOf } from '../explain-failure.ts';
import { type Checked, type Finding, failed, ok, warning } from '../report.ts';
import { SILENT } from './consul.ts';

/** How long relays are waited for, after the last that answered; they all answer at once. */
const GATHER_MS = 1000;

/** Whether NATS answers, and which relays are there: more than one queue group would answer each request twice. */
export async function checkNats({ nats, endpoints }: RelayConfig, asking: Asking): Promise<Checked> {
  let connection: NatsConnection;
  try {
    connection = await connectOnce(nats, asking);
  } catch (error) {
    return { findings: [explain(error, nats, asking.timeoutMs)] };
  }
  try {
    // Its own rtt() counts whole milliseconds.
    const { ms } = await timed(() => unlessAborted(connection.flush(), asking.limit()));
    const { version, tls_required: encrypted = false } = connection.info ?? {};
    const security = nats.tls || encrypted ? ok('with TLS') : ok('without TLS');
    const subjects = endpoints.map(({ subject }) => subject);
    const relays = await gather(connection, subjects, asking);
    return {
      ms,
      ...(version !== undefined && { version }),
      findings: [security, ...judgeRelays(relays, endpoints[0]?.subject ?? '', nats.queue)],
    };
  } catch (error) {
    return { findings: [explain(error, nats, asking.timeoutMs)] };
  } finally {
    await unlessAborted(connection.close(), asking.limit()).catch(() => undefined);
  }
}

/** The client's own limit begins only after a server has said who it is, which one that is stopped never does. */
async function connectOnce(
  { servers, tls, credentials }: RelayConfig['nats'],
  asking: Asking,
): Promise<NatsConnection> {
  const options = { servers: [...servers], name: 'doctor', reconnect: false, timeout: asking.timeoutMs };
  const authenticator = credentials && createAuthenticator(credentials, Date.now, SILENT);
  const connecting = connect({ ...options, ...(tls && { tls: { ...tls } }), ...(authenticator && { authenticator }) });
  return unlessAborted(connecting, asking.limit()).catch((error: unknown) => {
    connecting.then(
      (late) => late.close(),
      () => undefined,
    );
    throw error;
  });
}

/** Of all micro services those that listen where ours does. */
async function gather(connection: NatsConnection, subjects: readonly string[], asking: Asking): Promise<ServiceInfo[]> {
  const client = new Svcm(connection).client({ strategy: 'stall', maxWait: Math.min(asking.timeoutMs, GATHER_MS) });
  const found: ServiceInfo[] = [];
  try {
    for await (const info of await client.info()) {
      if (info.endpoints.some(({ subject }) => subjects.includes(subject))) found.push(info);
    }
  } catch {
    // Nobody listens on $SRV.INFO at all, or we may not ask: then nobody has answered.
  }
  return found;
}

export function judgeRelays(relays: readonly ServiceInfo[], subject: string, queue: string): Finding[] {
  if (relays.length === 0) {
    return [
      failed(
        `no relay answers for ${subject}`,
        'Does a relay run, connected to this NATS, and may it subscribe to $SRV.> (and we publish there)? Its log and /readyz tell.',
      ),
    ];
  }
  const findings: Finding[] = [];
  const groups = unique(relays.flatMap(({ endpoints }) => endpoints.map((each) => each.queue_group ?? '(none)')));
  const versions = unique(relays.map(({ version }) => version));
  const text = `${relays.length} ${relays.length === 1 ? 'relay' : 'relays'}, ${versions.join(' and ')}, queue group ${groups.join(' and ')}`;
  if (groups.length > 1) {
    findings.push(
      failed(
        text,
        `Relays of ${groups.length} queue groups (${groups.join(', ')}) each answer every request: give all of them the same QUEUE_GROUP.`,
      ),
    );
  } else if (groups[0] !== queue) {
    findings.push(
      warning(
        text,
        `QUEUE_GROUP is ${queue} here: a relay with that would answer beside those in ${groups[0]}, each request twice.`,
      ),
    );
  } else {
    findings.push(ok(text));
  }
  return findings;
}

function explain(error: unknown, { servers, tls }: RelayConfig['nats'], timeoutMs: number): Finding {
  const who = `NATS at ${servers.join(', ')}`;
  const names = namesOf(error).join(' ');
  const code = codeOf(error);
  if (/Authorization|UserAuthentication/.test(names)) {
    return failed(`${who} refused our credentials`, 'Has this environment the credentials that the relay has?');
  }
  if (code === 'ECONNREFUSED') {
    return failed(
      `${who} refused the connection`,
      `${who} refused the connection: is NATS_URL right, does it run, is the security group open?`,
    );
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return failed(
      `${who}: nobody knows that host name`,
      'Is NATS_URL spelt right? A private name is known only inside its own network.',
    );
  }
  if (/Timeout/.test(names) || code === 'ETIMEDOUT') {
    return failed(
      `${who} did not answer within ${timeoutMs} ms`,
      'Is NATS_URL right, is the server stopped or overloaded, and do the security group and the route let this machine in?',
    );
  }
  return failed(
    `${who} could not be used${code === undefined ? '' : ` (${code})`}`,
    tls
      ? 'TLS is on (NATS_TLS): does the server offer it, and is its certificate known here (NODE_EXTRA_CA_CERTS)?'
      : 'Is it really NATS that listens there? Its log tells.',
  );
}

function namesOf(error: unknown): string[] {
  const names: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) names.push(cause.constructor.name, cause.name);
  return names;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
