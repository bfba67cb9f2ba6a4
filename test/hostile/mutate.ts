import type { Random } from '../support/random.ts';

/** Text that parsers, numbers and protocols stumble over. */
const AWKWARD = [
  ...[
    'null',
    'true',
    '{}',
    '[]',
    '""',
    '"',
    '{',
    '[',
    ']',
    '}',
    ',',
    ':',
    '\\',
    '\\u0000',
    '\\ud800',
    '\0',
    '\r\n',
    '\n',
    ' ',
  ],
  ...['NaN', '+Inf', '-1', '-0', '0', '1e999', '1e-999', '0.5', '99999999999999999999', '"*"', '"a b"', '"."', '">"'],
  ...['"__proto__"', '"constructor"', 'HTTP/1.1 500 No\r\n', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n'],
  ...['$-1\r\n', '*-1\r\n', '-ERR x\r\n', ':7\r\n', '+OK\r\n', '_\r\n', 'ffffffff\r\n'],
];

const AWKWARD_VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1, 1.5, 1e308, -1e308, 5e-324, 2 ** 53 + 2, 70_000],
  ...[
    '',
    ' ',
    '0',
    '-1',
    'NaN',
    '+Inf',
    '1e999',
    '*',
    'a.*',
    'a b',
    '.',
    '>',
    '\0',
    '\ud800',
    '__proto__',
    'x'.repeat(300),
  ],
  ...['true', 'false', 'passing', 'critical', 'placed', 'recorded', 'found', '"10.0.0.3"', '"a b"', '7', '[]'],
  ...[[], [[]], {}, { length: 1 }, [null], Array.from({ length: 100 }, () => 0), { toString: 7 }],
];

/** `bytes` with one to four of its parts changed: flipped, cut, doubled, put in, or taken from `others`. */
export function mutateBytes(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let changed = bytes;
  for (let times = 1 + random.whole(1 + random.whole(4)); times > 0; times -= 1)
    changed = mutateOnce(changed, random, others);
  return changed;
}

function mutateOnce(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const at = random.whole(bytes.length + 1);
  const till = Math.min(bytes.length, at + 1 + random.whole(1 + random.whole(64)));
  const put = (middle: Uint8Array, from = at, to = till) =>
    Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)]);
  switch (random.whole(8)) {
    case 0:
      return put(
        bytes.subarray(at, at + 1).map((byte) => byte ^ (1 << random.whole(8))),
        at,
        at + 1,
      );
    case 1:
      return put(Buffer.from([random.whole(256)]), at, at + 1);
    case 2:
      return put(Buffer.alloc(0));
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return put(bytes.subarray(at, till), at, at);
    case 5:
      return put(Buffer.from(pick(AWKWARD, random)), at, random.whole(2) === 0 ? at : till);
    case 6: {
      const other = pick(others, random);
      const from = random.whole(other.length);
      return put(other.subarray(from, from + random.whole(200)));
    }
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.whole(bytes.length + 1))]);
  }
}

/** JSON `text` with one to three of its values replaced, left out, doubled or exchanged: it is JSON still. */
export function mutateJson(text: string, random: Random): string {
  const root = { value: JSON.parse(text) as unknown };
  for (let times = 1 + random.whole(1 + random.whole(3)); times > 0; times -= 1) changeOne(root, random);
  // What JSON.stringify cannot say of itself.
  return JSON.stringify(root.value ?? null).replace('1e+308', () => pick(['1e308', '1e999', '-1e999'], random));
}

const AWKWARD_NUMBERS = [-1, -0, 0, 0.5, 1e308, -1e308, 2 ** 53 + 2, 70_000];
const AWKWARD_NUMERALS = ['-1', '-0.5', '-0', 'NaN', '+Inf', '-Inf', '1e999', '', ' 1', '0x10', '1,5', '1e-400'];

type Holder = Record<string, unknown>;

function changeOne(root: Holder, random: Random): void {
  const places = placesIn(root);
  const [holder, key] = pick(places, random);
  const [otherHolder, otherKey] = pick(places, random);
  switch (random.whole(5)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else if (holder !== root) delete holder[key];
      return;
    case 1:
      if (Array.isArray(holder)) holder.push(structuredClone(holder[Number(key)]));
      else holder[key] = [holder[key]];
      return;
    case 2:
      holder[key] = structuredClone(otherHolder[otherKey]);
      return;
    case 3:
      holder[key] = anotherLike(holder[key], random);
      return;
    default:
      holder[key] = structuredClone(pick(AWKWARD_VALUES, random));
  }
}

/** A number for a number, which a check of types alone lets through. */
function anotherLike(value: unknown, random: Random): unknown {
  if (typeof value === 'number') return pick(AWKWARD_NUMBERS, random);
  if (typeof value === 'string' && /^[-+]?\d/.test(value)) return pick(AWKWARD_NUMERALS, random);
  return structuredClone(pick(AWKWARD_VALUES, random));
}

/** Every place of a value, as whatever holds it and its key there. */
function placesIn(holder: Holder): [Holder, string][] {
  return Object.entries(holder).flatMap(([key, value]) => [
    [holder, key] as [Holder, string],
    ...(typeof value === 'object' && value !== null ? placesIn(value as Holder) : []),
  ]);
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[random.whole(list.length)] as T;
}
