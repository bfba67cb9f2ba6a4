import { connect, type NatsConnection } from 'nats';
import * as z from 'zod/mini';
import { createAuthenticator } from '../../lib/adapters/nats/credentials.ts';
import { ConfigError, type Env, readEnv } from '../../lib/config/env.ts';
import { NatsVariables, natsProblems, toNatsConfig } from '../../lib/config/nats-config.ts';
import { SILENT } from '../doctor/checks/consul.ts';
import { codeOf } from '../doctor/explain-failure.ts';
import { CannotGoOn } from './command.ts';

export { headers } from 'nats';

export interface ConnectOptions {
  readonly timeoutMs: number;
  /** For as long as the command runs, and not once. */
  readonly reconnect?: boolean;
}

/** A connection with the credentials and the TLS that the relay's variables say. */
export async function connectNats(
  url: string,
  env: Env,
  { timeoutMs, reconnect = false }: ConnectOptions,
): Promise<NatsConnection> {
  const { servers, tls, credentials } = readConfig(url, env);
  const connecting = connect({
    ...{ servers: [...servers], name: 'game-allocator', timeout: timeoutMs, reconnect, noAsyncTraces: true },
    ...(reconnect && { maxReconnectAttempts: -1, reconnectTimeWait: 500 }),
    ...(tls && { tls: { ...tls } }),
    ...(credentials && { authenticator: createAuthenticator(credentials, Date.now, SILENT) }),
  });
  // The client's own limit begins only after a server has said who it is, which one that is stopped never does.
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('timeout')), timeoutMs).unref();
  });
  return Promise.race([connecting, late]).catch((error: unknown) => {
    connecting.then(
      (connection) => connection.close(),
      () => undefined,
    );
    throw new CannotGoOn(explain(error, servers.join(', '), timeoutMs));
  });
}

function readConfig(url: string, env: Env) {
  try {
    const read = readEnv(z.object(NatsVariables), { ...env, NATS_URL: url });
    const problems = natsProblems(read);
    if (problems.length > 0) throw new ConfigError(problems);
    return toNatsConfig(read);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CannotGoOn(error.problems.join('\n').replace('NATS_URL', 'The address of NATS'));
  }
}

function explain(error: unknown, servers: string, timeoutMs: number): string {
  const name = error instanceof Error ? error.name : '';
  const code = codeOf(error);
  if (/Authorization|UserAuthentication/.test(name)) {
    return `NATS at ${servers} lets us in with none of our credentials: set NATS_CREDS_FILE, NATS_USER and NATS_PASSWORD, or NATS_TOKEN.`;
  }
  if (name === 'TimeoutError' || (error instanceof Error && error.message === 'timeout')) {
    return `NATS at ${servers} did not answer within ${timeoutMs} ms: is the address right, and is the server stopped?`;
  }
  const why = code === undefined ? '' : ` (${code})`;
  return `Nothing answers at ${servers}${why}: is the address right? \`npm start\` starts a stack, \`game-allocator doctor\` says what is missing.`;
}
