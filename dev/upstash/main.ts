// The REST front as a process of its own: REDIS_URL and UPSTASH_TOKEN in the environment, --port (default: a free
// one). Prints its address as one JSON line when ready.
import { parseArgs } from 'node:util';
import { startUpstashFront } from './start-upstash-front.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const { REDIS_URL: redisUrl, UPSTASH_TOKEN: token } = process.env;
if (redisUrl === undefined || token === undefined) {
  console.error('REDIS_URL and UPSTASH_TOKEN must be set');
  process.exit(1);
}
const front = await startUpstashFront({ redisUrl, token, port: Number(values.port) });
console.log(JSON.stringify({ url: front.url }));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void front.stop().then(() => process.exit(0)));
}
