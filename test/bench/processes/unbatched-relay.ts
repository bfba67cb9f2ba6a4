// The product's relay without its batching, and so without what watches over batches (hedges, retries, keep-warm): one
// POST for each message. NATS_URL, ASSIGN_SUBJECT,
// ALLOCATOR_URL and ALLOCATOR_TOKEN in the environment; --port has /readyz.
import { parseArgs } from 'node:util';
import { createHttpClient } from '../../../lib/adapters/http/http-client.ts';
import { createLog } from '../../../lib/adapters/log/create-log.ts';
import { openNatsDoor } from '../../../lib/adapters/nats/nats-door.ts';
import { readRelayConfig } from '../../../lib/config/relay-config.ts';
import { createForward, createPost, MAX_ANSWER_BYTES } from '../../../lib/relay/forward.ts';
import { startHealthServer } from '../../../lib/relay/health-server.ts';
import { createRelay } from '../../../lib/relay/relay.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const config = readRelayConfig(process.env);
const { allocator } = config;
if (allocator.kind !== 'function') throw new Error('ALLOCATOR_URL must be set');
const log = createLog(config.log);
const clock = () => performance.timeOrigin + performance.now();
const http = createHttpClient({
  upstream: 'allocator',
  baseUrl: new URL(allocator.url.origin),
  maxResponseBytes: MAX_ANSWER_BYTES,
  maxSockets: 256,
  headers: () => ({ authorization: `Bearer ${process.env['ALLOCATOR_TOKEN']}` }),
});
const allocate = createForward(createPost({ http, path: allocator.url.pathname }), log);
const relay = createRelay({ allocate, clock, log, maxInFlight: config.maxInFlight });
const door = openNatsDoor({
  address: { servers: config.nats.servers, tls: undefined, name: 'unbatched' },
  service: {
    name: 'unbatched',
    version: '0.0.0',
    description: 'one POST for each message',
    metadata: {},
    queue: config.nats.queue,
    endpoints: config.endpoints.map((endpoint) => ({
      name: endpoint.name,
      subject: endpoint.subject,
      handle: relay.serve(endpoint).handle,
      figures: () => ({ requests: 0, errors: 0, processingMs: 0, lastError: undefined, data: {} }),
    })),
  },
  clock,
  log,
});
await startHealthServer({
  port: Number(values.port),
  notReady: () => (door.state() === 'serving' ? undefined : door.state()),
  details: () => ({}),
});
