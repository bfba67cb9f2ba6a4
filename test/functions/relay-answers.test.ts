import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect } from 'nats';
import { afterEach, expect, it } from 'vitest';
import { freePort } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { startProcess } from './relay-process.ts';

/** Ends a test that hangs on a crowded machine; not what is measured. */
const LIMIT = { timeout: 30_000, interval: 20 };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Item {
  readonly attempt: string;
  readonly request: { readonly game_id: string };
}

/** What a function should answer: each game has an instance of its own, so that a mistaken one is seen. */
function rightAnswer(items: readonly Item[]) {
  return {
    v: 1,
    items: items.map(({ request }) => ({ success: true, instance_id: `of-${request.game_id}` })),
    attempts: items.map(({ attempt }) => attempt),
  };
}

function toHttp(answer: unknown): string {
  const body = JSON.stringify(answer);
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** A stand-in for the function, down to the socket: `answer` may write to it whatever it likes. */
async function startFunction(answer: (items: readonly Item[], socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      const [, head, length] = /^([\s\S]*?content-length: (\d+)[\s\S]*?\r\n\r\n)/i.exec(text) ?? [];
      if (head === undefined || text.length < head.length + Number(length)) return;
      const { items } = JSON.parse(text.slice(head.length));
      text = '';
      answer(items, socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/batch`;
}

async function startAll(answer: Parameters<typeof startFunction>[0]) {
  const nats = await startNats();
  cleanups.push(() => nats.stop());
  const port = await freePort();
  const addresses = { NATS_URL: nats.url, ALLOCATOR_URL: await startFunction(answer), PORT: String(port) };
  const relay = startProcess([], { ...addresses, KEEP_WARM: '0' });
  cleanups.push(async () => {
    relay.kill('SIGKILL');
    await relay.ended;
  });
  const probe = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    return response && ((await response.json()) as Record<string, unknown>);
  };
  await expect.poll(() => probe('/readyz'), LIMIT).toEqual({ ready: true });
  const nc = await connect({ servers: nats.url });
  cleanups.push(() => nc.close());
  const ask = async (game_id: string) =>
    (await nc.request('game.assign.request', JSON.stringify({ game_id }), { timeout: 5000 })).json();
  return { relay, probe, ask };
}

const REFUSED = { success: false, code: 'upstream_unavailable', retryable: true };

it('F22: gives nobody the answer to another request, when an answer comes a second time, and is in step again after it', async () => {
  let earlier = '';
  let calls = 0;
  const { ask, probe, relay } = await startAll((items, socket) => {
    calls += 1;
    // Before its answer the second request gets the first one's once more, over the same connection.
    socket.write(calls === 2 ? earlier + toHttp(rightAnswer(items)) : toHttp(rightAnswer(items)));
    earlier = toHttp(rightAnswer(items));
  });

  const answers = [await ask('a'), await ask('b'), await ask('c'), await ask('b')];

  expect(answers).toEqual([
    { success: true, instance_id: 'of-a' },
    expect.objectContaining(REFUSED),
    { success: true, instance_id: 'of-c' },
    { success: true, instance_id: 'of-b' },
  ]);
  expect(await probe('/health')).toMatchObject({ retried: 0, upstream_failures: { invalid_body: 1 } });
  expect(relay.output()).toMatch(/allocator_unavailable .*allocator: invalid_body/);
});

it('F22: gives nobody an answer that comes after its time, over a connection that it has left', async () => {
  let calls = 0;
  const { ask, probe } = await startAll((items, socket) => {
    calls += 1;
    if (calls === 1) setTimeout(() => socket.write(toHttp(rightAnswer(items))), 600);
    else socket.write(toHttp(rightAnswer(items)));
  });

  expect(await ask('late')).toMatchObject({ success: false, code: 'deadline_exceeded' });
  for (let i = 0; i < 5; i += 1) expect(await ask(`g${i}`)).toEqual({ success: true, instance_id: `of-g${i}` });

  expect(await probe('/health')).toMatchObject({ upstream_failures: { timeout: 1, invalid_body: 0 } });
});

it.each([
  ['another item', (items: readonly Item[]) => ({ ...rightAnswer(items), attempts: ['another-1'] })],
  ['nothing that is known', () => ({ hello: 'world' })],
  ['too many items', (items: readonly Item[]) => rightAnswer([...items, ...items])],
  ['an item that is no reply', (items: readonly Item[]) => ({ ...rightAnswer(items), items: [{ success: true }] })],
])(
  'F22: answers upstream_unavailable where the function answers to %s, with the cause in its figures',
  async (_name, wrong) => {
    const { ask, probe } = await startAll((items, socket) => void socket.write(toHttp(wrong(items))));

    expect(await ask('g')).toMatchObject(REFUSED);

    expect(await probe('/health')).toMatchObject({ calls: 1, upstream_failures: { invalid_body: 1 } });
  },
);
