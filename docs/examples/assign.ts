import { createNatsClient } from 'game-allocator-service/client';
import { connect, headers } from 'nats';

const [gameId = 'my-game'] = process.argv.slice(2);
const connection = await connect({ servers: process.env['NATS_URL'] ?? 'nats://localhost:4222' });
// It retries once inside the time that is left, and always answers in time.
const allocator = createNatsClient({ connection, headers, timeoutMs: 1000 });

const reply = await allocator.assign(gameId, { resource_level: 'high' });
if (reply.success) {
  console.log(`${gameId} runs on ${reply.instance_id}:${reply.port}`);
} else {
  // no_capacity, no_instance, ...; retryable says whether asking again can help.
  console.error(`${reply.code}: ${reply.message}`);
  process.exitCode = 1;
}
await allocator.release(gameId);
await connection.close();
