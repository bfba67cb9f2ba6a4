import { expect, it } from 'vitest';
import { createLog } from '../../../lib/adapters/log/create-log.ts';
import type { Log, LogFields } from '../../../lib/app/ports.ts';
import { UpstreamError } from '../../../lib/app/upstream-error.ts';
import { ConfigError } from '../../../lib/config/env.ts';
import type { LogConfig } from '../../../lib/config/log-config.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

it('writes an event as one JSON object', () => {
  const [line] = lines({ format: 'json' }, (log) =>
    log.info('assigned', { ms: 1.5, ok: true, id: '10.0.0.3', none: undefined }),
  );

  expect(line).toBe(
    '{"time":"2026-01-02T03:04:05.678Z","level":"INFO","service":"allocator","event":"assigned","ms":1.5,"ok":true,"id":"10.0.0.3"}',
  );
});

it('writes an event as readable text', () => {
  const [line] = lines({}, (log) =>
    log.warning('odd_entries', { count: 2, name: 'a b', none: undefined, label: 'игра' }),
  );

  expect(line).toBe('2026-01-02T03:04:05.678Z WARNING allocator odd_entries count=2 name="a b" label="игра"');
});

it.each([
  { level: 'DEBUG', events: ['d', 'i', 'w', 'e'] },
  { level: 'INFO', events: ['i', 'w', 'e'] },
  { level: 'WARNING', events: ['w', 'e'] },
  { level: 'ERROR', events: ['e'] },
  { level: 'CRITICAL', events: [] },
] as const)('writes at level $level only what is that bad', ({ level, events }) => {
  const written = lines({ level, format: 'json' }, (log) => {
    log.debug('d');
    log.info('i');
    log.warning('w');
    log.error('e');
  });

  expect(written.map((line) => JSON.parse(line).event)).toEqual(events);
});

it.each(['text', 'json'] as const)('writes one line of %s whatever a field holds', (format) => {
  const hostile = 'a\nb\r\nc\u0000\u0007\u001b[31m\u007f\u0085\u009b\u2028\u2029\ud800"\\=d';
  const fields: LogFields = { value: hostile, 'key\nwith': 'x' };

  const [line] = lines({ format, service: 'svc\n2' }, (log) => log.info('event\nsplit', fields));

  expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  if (format === 'json') expect(JSON.parse(line!)).toMatchObject({ value: hostile, event: 'event\nsplit' });
});

it.each(['text', 'json'] as const)('bounds a line of %s', (format) => {
  const long = '🎮'.repeat(50_000);
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`key${i}`, long]));
  const some = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`key${i}`, long]));
  const tooMany = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`key${i}`, long]));

  const written = lines({ format }, (log) => {
    for (const fields of [{ long }, many, tooMany, some]) log.info('event', fields);
  });

  for (const line of written) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4096);
  expect(written[0]).toContain('long');
  expect(written[1]).toContain('key29');
  expect(written[2]).toContain('cut');
  if (format === 'json') for (const line of written) JSON.parse(line);
});

it('never writes half of a character', () => {
  const [line] = lines({ format: 'json' }, (log) => log.info('event', { long: `x${'🎮'.repeat(5000)}` }));

  expect(JSON.parse(line!).long.isWellFormed()).toBe(true);
});

it('writes our own errors with their text, and the causes by type and code only', () => {
  const cause = Object.assign(new Error('connect to 10.1.1.1 with token hidden'), {
    code: 'ECONNREFUSED',
    cause: new TypeError('hidden'),
  });
  const error = new UpstreamError('consul', 'connect', { cause });

  const [line] = lines({ format: 'json' }, (log) => log.error('refresh_failed', {}, error));

  expect(JSON.parse(line!).error).toEqual({
    type: 'UpstreamError',
    message: 'consul: connect',
    outcome: 'none',
    causes: ['Error ECONNREFUSED', 'TypeError'],
  });
});

it('writes them in text too', () => {
  const error = new UpstreamError('redis', 'status', {
    status: 500,
    outcome: 'unknown',
    cause: new RangeError('hidden'),
  });

  const [line] = lines({}, (log) => log.warning('failed', { n: 1 }, error));

  expect(line).toContain(
    ' failed n=1 error.type=UpstreamError error.message="redis: status 500" error.outcome=unknown error.causes=RangeError',
  );
});

it('writes what is wrong with the configuration', () => {
  const [line] = lines({ format: 'json' }, (log) => log.error('config', {}, new ConfigError(['A must be B.'])));

  expect(JSON.parse(line!).error.message).toContain('A must be B.');
});

it('writes of a foreign error its type, code and place, and never its text', () => {
  const error = Object.assign(new TypeError('hidden\n    at hidden (/hidden.ts:1:1)'), { code: 'ERR_X' });

  const [line] = lines({ format: 'json' }, (log) => log.error('bug', {}, error));

  expect(JSON.parse(line!).error).toMatchObject({ type: 'TypeError', code: 'ERR_X' });
  expect(JSON.parse(line!).error.at[0]).toMatch(/^test\/adapters\/log\/create-log\.test\.ts:\d+:\d+$/);
  expect(line).not.toContain('hidden');
});

it.each([
  { thrown: 'hidden text', type: 'string' },
  { thrown: { hidden: 1 }, type: 'object' },
  { thrown: null, type: 'object' },
  { thrown: Object.assign(new Error('x'), { name: 'hidden name' }), type: '?' },
  { thrown: Object.assign(new Error('x'), { code: 'hidden\ncode' }), type: 'Error' },
  { thrown: new Error('x', { cause: 'hidden' }), type: 'Error' },
])('writes of what was thrown only that it is $type', ({ thrown, type }) => {
  const [line] = lines({ format: 'json' }, (log) => log.error('bug', {}, thrown));

  expect(JSON.parse(line!).error.type).toBe(type);
  expect(line).not.toContain('hidden');
});

it('ends with a chain of causes that bites its own tail', () => {
  const error = new Error('x');
  error.cause = error;

  const [line] = lines({ format: 'json' }, (log) => log.error('bug', {}, error));

  expect(JSON.parse(line!).error.causes.length).toBe(5);
});

function lines(config: Partial<LogConfig>, act: (log: Log) => void): string[] {
  const written: string[] = [];
  const whole = { service: 'allocator', level: 'INFO', format: 'text', traceCaller: false, ...config } as const;
  act(
    createLog(
      whole,
      (line) => written.push(line),
      () => NOW,
    ),
  );
  return written;
}
