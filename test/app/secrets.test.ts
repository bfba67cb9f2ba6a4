import { expect, it } from 'vitest';
import type { SecretStore } from '../../lib/app/ports.ts';
import { createSecrets } from '../../lib/app/secrets.ts';
import { controlledCall, fakeLog, fakeTime, isPending } from '../support/fakes.ts';

const NAMES = ['UPSTASH_REDIS_REST_TOKEN', 'CONSUL_TOKEN'] as const;

function setUp(
  given: Partial<Record<(typeof NAMES)[number], string>> = {},
  required: readonly (typeof NAMES)[number][] = [],
) {
  const time = fakeTime();
  const ssm = controlledCall<ReadonlyMap<string, string>>('ssm');
  const asked: (readonly string[])[] = [];
  const store: SecretStore = {
    read(names, signal) {
      asked.push(names);
      return ssm.call(signal);
    },
  };
  const log = fakeLog();
  const secrets = createSecrets({ given, store, names: NAMES, required, clock: Date.now, random: () => 0.5, log });
  /** Opens, with an answer for a read that this begins, and gives whether the secrets were ready. */
  async function open(stored: Record<string, string> | 'fails' = 'fails') {
    const before = ssm.calls.length;
    const opening = secrets.open(300);
    if (ssm.calls.length > before)
      stored === 'fails' ? ssm.last().fail() : ssm.last().answer(new Map(Object.entries(stored)));
    const { ready, release } = await opening;
    await release(50);
    return ready;
  }
  return { time, ssm, asked, log, secrets, open };
}

it('needs no store where everything is given', async () => {
  const secrets = createSecrets({
    given: { CONSUL_TOKEN: 'c' },
    store: undefined,
    names: NAMES,
    required: NAMES,
    clock: Date.now,
    random: Math.random,
    log: fakeLog(),
  });

  expect(await secrets.open(-100)).toMatchObject({ ready: true });
  expect(secrets.get('CONSUL_TOKEN')).toBe('c');
  expect(secrets.get('UPSTASH_REDIS_REST_TOKEN')).toBeUndefined();
  expect(() => secrets.refused()).not.toThrow();
});

it('reads what is not given, by its name in lower case with hyphens, and trims it', async () => {
  const { open, secrets, asked } = setUp();

  expect(await open({ 'upstash-redis-rest-token': ' u\n', 'consul-token': ' \n' })).toBe(true);

  expect(asked).toEqual([['upstash-redis-rest-token', 'consul-token']]);
  expect(secrets.get('UPSTASH_REDIS_REST_TOKEN')).toBe('u');
  expect(secrets.get('CONSUL_TOKEN')).toBeUndefined();
});

it('prefers a given value and does not ask for it', async () => {
  const { open, secrets, asked } = setUp({ CONSUL_TOKEN: 'given' });

  await open({ 'consul-token': 'stored', 'upstash-redis-rest-token': 'u' });

  expect(asked).toEqual([['upstash-redis-rest-token']]);
  expect(secrets.get('CONSUL_TOKEN')).toBe('given');
});

it('is not ready while nothing could be read', async () => {
  const { open, secrets } = setUp();

  expect(await open('fails')).toBe(false);
  expect(await secrets.open(10)).toMatchObject({ ready: false });
});

it('waits for the first values, as long as it may', async () => {
  const { time, secrets } = setUp();

  const opening = secrets.open(300);
  await time.pass(299);
  expect(await isPending(opening)).toBe(true);
  await time.pass(1);

  expect(await opening).toMatchObject({ ready: false });
});

it('a short waiter does not end a read that a longer one waits for', async () => {
  const { time, ssm, secrets } = setUp();
  void secrets.open(3000);
  const opening = secrets.open(100);
  await time.pass(100);
  expect(await opening).toMatchObject({ ready: false });
  await time.pass(1000);

  ssm.last().answer(new Map([['consul-token', 'c']]));

  expect(await secrets.open(100)).toMatchObject({ ready: true });
  expect(ssm.calls.length).toBe(1);
});

it('reads again every 5 minutes, beside the work', async () => {
  const { time, ssm, secrets, open } = setUp();
  await open({ 'consul-token': 'old' });
  await time.pass(300_000);
  await open();
  expect(ssm.calls.length).toBe(1);
  await time.pass(1);

  const { ready, release } = await secrets.open(300);
  expect(ready).toBe(true);
  expect(secrets.get('CONSUL_TOKEN')).toBe('old');
  ssm.last().answer(new Map([['consul-token', 'new']]));
  await release(50);

  expect(secrets.get('CONSUL_TOKEN')).toBe('new');
});

it('keeps the last good values for as long as the store fails', async () => {
  const { time, open, secrets, ssm } = setUp();
  await open({ 'consul-token': 'c' });

  for (let day = 0; day < 3; day += 1) {
    await time.pass(86_400_000);
    expect(await open('fails')).toBe(true);
  }

  expect(secrets.get('CONSUL_TOKEN')).toBe('c');
  expect(ssm.calls.length).toBe(4);
});

it('waits for new values after a refusal', async () => {
  const { ssm, secrets, open } = setUp();
  await open({ 'consul-token': 'old' });

  secrets.refused();
  const opening = secrets.open(300);

  expect(await isPending(opening)).toBe(true);
  ssm.last().answer(new Map([['consul-token', 'new']]));
  expect(await opening).toMatchObject({ ready: true });
  expect(secrets.get('CONSUL_TOKEN')).toBe('new');
});

it('keeps the refused values when the store fails too', async () => {
  const { secrets, open } = setUp();
  await open({ 'consul-token': 'old' });
  secrets.refused();

  expect(await open('fails')).toBe(true);

  expect(secrets.get('CONSUL_TOKEN')).toBe('old');
});

it('reads at most every 30 s because of refusals', async () => {
  const { time, ssm, secrets, open } = setUp();
  await open({ 'consul-token': 'c' });
  const refuse = async () => {
    secrets.refused();
    await open({ 'consul-token': 'c' });
  };

  await refuse();
  await refuse();
  await time.pass(29_999);
  await refuse();
  expect(ssm.calls.length).toBe(2);
  await time.pass(1);
  await refuse();

  expect(ssm.calls.length).toBe(3);
});

it('begins no read within a second of another, however briefly callers wait', async () => {
  const { time, ssm, secrets, open } = setUp();
  await open({ 'consul-token': 'old' });
  await time.pass(300_001);
  // What is not waited for any more is cut off, so that the next caller would begin anew.
  const hurry = async () => {
    const opening = secrets.open(30);
    await time.pass(50);
    const { ready, release } = await opening;
    const releasing = release(0);
    await time.pass(1);
    await releasing;
    return ready;
  };

  for (let caller = 0; caller < 10; caller += 1) expect(await hurry()).toBe(true);
  expect(ssm.calls.length).toBe(2);
  await time.pass(500);
  await hurry();

  expect(ssm.calls.length).toBe(3);
});

it('a read that is under way is joined, within that second too', async () => {
  const { ssm, secrets } = setUp();
  const openings = [secrets.open(3000), secrets.open(300)];

  ssm.last().answer(new Map([['consul-token', 'c']]));

  expect(await Promise.all(openings)).toMatchObject([{ ready: true }, { ready: true }]);
  expect(ssm.calls.length).toBe(1);
});

it('reads again when the clock is set back', async () => {
  const { time, ssm, open } = setUp();
  await open({ 'consul-token': 'c' });
  time.setClock(0);

  await open({ 'consul-token': 'c' });

  expect(ssm.calls.length).toBe(2);
});

it('logs no secret', async () => {
  const { time, log, secrets, open } = setUp({ UPSTASH_REDIS_REST_TOKEN: 'canary-given' });
  await open({ 'consul-token': 'canary-stored' });
  secrets.refused();
  await open('fails');
  await time.pass(2000);
  await open({ 'consul-token': 'canary-stored' });

  expect(log.events()).toEqual(['secrets_unreadable', 'source_failed', 'source_recovered']);
  expect(JSON.stringify(log.lines)).not.toContain('canary');
});

it('is not ready without a required one, and names the parameter in the log', async () => {
  const { open, log } = setUp({}, ['UPSTASH_REDIS_REST_TOKEN']);

  expect(await open({ 'consul-token': 'c', 'upstash-redis-rest-token': ' ' })).toBe(false);

  expect(log.lines).toContainEqual(
    expect.objectContaining({ event: 'secrets_missing', fields: { parameters: 'upstash-redis-rest-token' } }),
  );
});

it('keeps the last good values when a required one is missing later', async () => {
  const { open, secrets, time } = setUp({}, ['UPSTASH_REDIS_REST_TOKEN']);
  await open({ 'upstash-redis-rest-token': 'u' });
  await time.pass(301_000);

  expect(await open({})).toBe(true);

  expect(secrets.get('UPSTASH_REDIS_REST_TOKEN')).toBe('u');
});

it('names the parameters that could not be read', async () => {
  const { open, log } = setUp({ CONSUL_TOKEN: 'given' });

  expect(await open('fails')).toBe(false);

  expect(log.lines).toContainEqual(
    expect.objectContaining({ event: 'secrets_unreadable', fields: { parameters: 'upstash-redis-rest-token' } }),
  );
});
