import { expect, it } from 'vitest';
import { freePort } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { connectNats } from '../../lib/adapters/nats/connect-nats.ts';
import { createReconnectPace } from '../../lib/adapters/nats/reconnect-pace.ts';

it('knows every configured server, also those that were down when it connected', async () => {
  const server = await startNats();
  const down = `nats://LOCALHOST:${await freePort()}`;
  try {
    // The client tries them in random order, and only what it has tried in vain is at stake.
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const pace = createReconnectPace(Date.now, Math.random, false);
      const address = { servers: [down, server.url, 'nats://[::1]:1'], tls: undefined, name: 'test' };
      const nc = await connectNats(address, pace);
      const known = nc.getServers().map(({ listen }) => listen);
      await nc.close();

      expect(known.toSorted()).toEqual([down.slice(7).toLowerCase(), new URL(server.url).host, '[::1]:1'].toSorted());
    }
  } finally {
    await server.stop();
  }
});
