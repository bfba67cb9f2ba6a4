import { expect, it } from 'vitest';
import { createOutbox } from '../../lib/relay/outbox.ts';

function setUp() {
  const time = { nowMs: 1000 };
  const sent: string[] = [];
  const outbox = createOutbox(() => time.nowMs);
  const put = (name: string, usefulUntilMs = 1450, bytes = 100) =>
    outbox.put({ bytes, usefulUntilMs, send: () => void sent.push(name) });
  return { time, sent, outbox, put };
}

it('sends at once while it is not told to hold', () => {
  const { sent, put, outbox } = setUp();

  put('a');
  put('b', 0); // whoever waits may still be there

  expect(sent).toEqual(['a', 'b']);
  expect([outbox.kept(), outbox.lost()]).toEqual([0, 0]);
});

it('keeps what is ready meanwhile, and sends it once and in order', () => {
  const { sent, put, outbox } = setUp();
  put('before');
  outbox.hold();
  put('a');
  put('b');
  outbox.hold();
  expect(sent).toEqual(['before']);
  expect(outbox.kept()).toBe(2);

  outbox.release();
  outbox.release();
  put('after');

  expect(sent).toEqual(['before', 'a', 'b', 'after']);
  expect([outbox.kept(), outbox.lost()]).toEqual([0, 0]);
});

it('drops and counts what nobody waits for any more', () => {
  const { sent, put, outbox, time } = setUp();
  outbox.hold();
  put('short', 1200);
  put('long', 1450);

  time.nowMs = 1200;
  expect([outbox.kept(), outbox.lost()]).toEqual([1, 1]);
  outbox.release();

  expect(sent).toEqual(['long']);
  expect(outbox.lost()).toBe(1);
});

it('drops and counts a reply whose time is over already', () => {
  const { sent, put, outbox } = setUp();
  outbox.hold();

  put('late', 1000);
  outbox.release();

  expect(sent).toEqual([]);
  expect(outbox.lost()).toBe(1);
});

it('passes on what sending throws at once, and counts it for a reply that was kept', () => {
  const { sent, put, outbox } = setUp();
  const broken = {
    bytes: 1,
    usefulUntilMs: 1450,
    send: () => {
      throw new Error('max_payload size exceeded');
    },
  };

  expect(() => outbox.put(broken)).toThrow('max_payload');
  outbox.hold();
  outbox.put(broken);
  put('next');
  outbox.release();

  expect(sent).toEqual(['next']);
  expect(outbox.lost()).toBe(1);
});

it('keeps a bounded number, and makes room by what is of no use any more', () => {
  const { sent, put, outbox, time } = setUp();
  outbox.hold();
  for (let i = 0; i < 8192; i += 1) put(`old ${i}`, i < 100 ? 1100 : 1450);

  put('refused');
  expect(outbox.lost()).toBe(1);
  time.nowMs = 1100;
  put('taken');

  expect([outbox.kept(), outbox.lost()]).toEqual([8093, 101]);
  outbox.release();
  expect(sent.at(-1)).toBe('taken');
});

it('keeps a bounded number of bytes', () => {
  const { put, outbox } = setUp();
  outbox.hold();

  for (let i = 0; i < 100; i += 1) put('a long list', 1450, 1024 * 1024);

  expect([outbox.kept(), outbox.lost()]).toEqual([16, 84]);
});

it('counts as lost what is thrown away at the end', () => {
  const { sent, put, outbox } = setUp();
  outbox.hold();
  put('a');

  outbox.abandon();
  outbox.release();

  expect(sent).toEqual([]);
  expect([outbox.kept(), outbox.lost()]).toEqual([0, 1]);
});

it('counts what was kept beyond its time as lost, whether or not anybody asks what is kept', () => {
  const { time, put, outbox } = setUp();
  outbox.hold();
  put('a', 1450);
  put('b', 2000);

  time.nowMs = 1500;

  expect(outbox.lost()).toBe(1);
});
