import { expect, it } from 'vitest';
import { createLog, type LogOptions } from '../../../lib/adapters/log/create-log.ts';
import type { Log, LogFields } from '../../../lib/app/ports.ts';
import { UpstreamError } from '../../../lib/app/upstream-error.ts';
import { ConfigError } from '../../../lib/config/env.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

it('writes an event as one JSON object', () => {
  const [line] = lines({ format: 'json' }, (log) =>
    log.info('assigned', { count: 1.5, refused: true, instances: '10.0.0.3', op: undefined }),
  );

  expect(line).toBe(
    '{"time":"2026-01-02T03:04:05.678Z","level":"INFO","service":"allocator","event":"assigned","count":1.5,"refused":true,"instances":"10.0.0.3"}',
  );
});

it('writes an event as readable text', () => {
  const [line] = lines({}, (log) =>
    log.warning('odd_entries', { count: 2, instances: 'a b', op: undefined, queue: 'игра' }),
  );

  expect(line).toBe('2026-01-02T03:04:05.678Z WARNING allocator odd_entries count=2 instances="a b" queue="игра"');
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

  const [line] = lines({ format, service: 'svc\n2' }, (log) => log.info('event\nsplit', { subjects: hostile }));

  expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  if (format === 'json') expect(JSON.parse(line!)).toMatchObject({ subjects: hostile, service: 'svc\n2', event: '?' });
});

it.each(['text', 'json'] as const)('bounds a line of %s', (format) => {
  const long = '🎮'.repeat(50_000);
  const every = { instances: long, metrics: long, queue: long, subjects: long };

  const written = lines({ format, service: long }, (log) => {
    for (const fields of [{ queue: long }, every]) log.info('event', fields);
  });

  for (const line of written) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(4096);
  expect(written[0]).toContain('queue');
  expect(written[1]).toContain('subjects');
  if (format === 'json') for (const line of written) JSON.parse(line);
});

it('leaves out what is not in the list of fields', () => {
  const fields: object = { count: 1, token: 'canary', url: 'canary', toString: 'canary', __proto__: { op: 'canary' } };

  const [line] = lines({ format: 'json' }, (log) => log.info('event', fields));

  expect(line).not.toContain('canary');
  expect(JSON.parse(line!)).toMatchObject({ event: 'event', count: 1 });
});

it.each([
  { fields: { op: 'canary and more' }, shown: { op: '?' } },
  { fields: { op: 'https://canary' }, shown: { op: '?' } },
  { fields: { op: { canary: 1 } }, shown: { op: '?' } },
  { fields: { op: 'x'.repeat(65) }, shown: { op: '?' } },
  { fields: { count: 'canary' }, shown: { count: '?' } },
  { fields: { count: ['canary'] }, shown: { count: '?' } },
  { fields: { parameters: 'api-tokens consul-token' }, shown: { parameters: 'api-tokens consul-token' } },
  { fields: { parameters: 'api-tokens canary=1' }, shown: { parameters: 'api-tokens ?' } },
  { fields: { queue: ['canary'] }, shown: { queue: '?' } },
])('shows of $fields no more than its fields may have', ({ fields, shown }) => {
  const [line] = lines({ format: 'json' }, (log) => log.info('event', fields as LogFields));

  expect(JSON.parse(line!)).toMatchObject(shown);
  expect(line).not.toContain('canary');
});

it('an event has a name that was written by us, or none', () => {
  const [line] = lines({ format: 'json' }, (log) => log.info('failed: canary'));

  expect(JSON.parse(line!).event).toBe('?');
});

it('never writes half of a character', () => {
  const [line] = lines({ format: 'json' }, (log) => log.info('event', { queue: `x${'🎮'.repeat(5000)}` }));

  expect(JSON.parse(line!).queue.isWellFormed()).toBe(true);
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

  const [line] = lines({}, (log) => log.warning('failed', { count: 1 }, error));

  expect(line).toContain(
    ' failed count=1 error.type=UpstreamError error.message="redis: status 500" error.outcome=unknown error.causes=RangeError',
  );
});

it('writes what is wrong with the configuration', () => {
  const [line] = lines({ format: 'json' }, (log) => log.error('config', {}, new ConfigError(['A must be B.'])));

  expect(JSON.parse(line!).error.message).toContain('A must be B.');
});

it.each(['ECONNREFUSED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'WRONGPASS', 'bad_data', 'timeout'])(
  'writes the code %s',
  (code) => {
    const error = new UpstreamError('redis', 'refused', { cause: Object.assign(new Error('hidden'), { code }) });

    const [line] = lines({ format: 'json' }, (log) => log.error('bug', {}, error));

    expect(JSON.parse(line!).error.causes).toEqual([`Error ${code}`]);
  },
);

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
  { thrown: Object.assign(new Error('x'), { name: 'hidden' }), type: '?' },
  { thrown: Object.assign(new Error('x'), { name: 'Hidden-hidden-4' }), type: '?' },
  { thrown: Object.assign(new Error('x'), { code: 'hidden\ncode' }), type: 'Error' },
  { thrown: Object.assign(new Error('x'), { code: 'hiddenX4' }), type: 'Error' },
  { thrown: Object.assign(new Error('x'), { code: { hidden: 1 } }), type: 'Error' },
  {
    thrown: new Error('x', { cause: Object.assign(new Error('x'), { name: 'hidden', code: 'hidden-x' }) }),
    type: 'Error',
  },
  { thrown: new Error('x', { cause: 'hidden' }), type: 'Error' },
])('writes of what was thrown only that it is $type', ({ thrown, type }) => {
  const [line] = lines({ format: 'json' }, (log) => log.error('bug', {}, thrown));

  expect(JSON.parse(line!).error.type).toBe(type);
  expect(line).not.toContain('hidden');
});

it('writes no place of a foreign error whose text was changed, since the text may look like one', () => {
  const error = new Error('hidden\n    at hidden (/hidden.ts:1:1)');
  expect(error.stack).toContain('hidden'); // it is made when it is first read
  error.message = 'another';

  const [line] = lines({ format: 'json' }, (log) => log.error('bug', {}, error));

  expect(JSON.parse(line!).error.at).toEqual([]);
  expect(line).not.toContain('hidden');
});

it('ends with a chain of causes that bites its own tail', () => {
  const error = new Error('x');
  error.cause = error;

  const [line] = lines({ format: 'json' }, (log) => log.error('bug', {}, error));

  expect(JSON.parse(line!).error.causes.length).toBe(5);
});

it('says in which traces a line is written, unless the line says so itself', () => {
  const [first, second] = ['0', '1'].map((digit) => digit.repeat(32)) as [string, string];
  let trace: string | undefined = `${first} ${second}`;

  const written = lines({ format: 'json', trace: () => trace }, (log) => {
    log.info('both', { count: 1 });
    log.info('its_own', { trace: second });
    trace = undefined;
    log.info('none');
  });

  expect(written.map((line) => JSON.parse(line)).map((line) => line.trace)).toEqual([
    `${first} ${second}`,
    second,
    undefined,
  ]);
});

it.each(['A'.repeat(32), '0'.repeat(31), '0'.repeat(33), `${'0'.repeat(32)},x`, '00-secret'])(
  'withholds %j, which is no trace id',
  (trace) => {
    const [line] = lines({ format: 'json' }, (log) => log.info('event', { trace }));

    expect(JSON.parse(line!).trace).toBe('?');
  },
);

function lines(config: Partial<LogOptions>, act: (log: Log) => void): string[] {
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
