import { findServer } from '../find-server.mjs';
import { askTcp } from './ask-tcp.ts';
import type { RunningServer } from './running-server.ts';
import { startServer } from './start-server.ts';

export interface RedisOptions {
  readonly args?: readonly string[];
  readonly password?: string;
}

/** Starts redis-server without persistence (a restart empties it); `url` is redis://[:password@]127.0.0.1:<port>. */
export function startRedis(options: RedisOptions = {}): Promise<RunningServer> {
  const { password } = options;
  const login = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  return startServer({
    name: 'redis',
    ...findServer('redis-server'),
    ports: 1,
    async prepare(folder, [port]) {
      const secret = password === undefined ? [] : ['--requirepass', password];
      const where = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder];
      return [...where, '--save', '', '--appendonly', 'no', ...secret, ...(options.args ?? [])];
    },
    url: (port) => `redis://${login}127.0.0.1:${port}`,
    async answers(port, signal) {
      const answer = await askTcp(port, 'PING\r\n', signal);
      return password === undefined ? answer.startsWith('+PONG') : answer.startsWith('-NOAUTH');
    },
  });
}
