import type { FailureCode } from '../../lib/api/outcomes.ts';

/** What becomes of a body, over either door: this game gets a record, or none does and the caller is told why. */
export type Expected = { readonly game: string } | { readonly code: FailureCode; readonly message: string | RegExp };

/** One number of the list of hostile inputs, whose bodies both doors must take alike. */
export interface BodyCase {
  /** Begins with its group and number. */
  readonly name: string;
  readonly bodies: readonly (readonly [body: string | Uint8Array, expected: Expected])[];
}

/** That many bytes a request may have. */
const CAP = 16 * 1024;

const NOT_JSON: Expected = { code: 'invalid_request', message: 'The request must be JSON text in UTF-8.' };
const TOO_LARGE: Expected = { code: 'too_large', message: `The request must have at most ${CAP} bytes.` };
const NOT_AN_OBJECT: Expected = { code: 'invalid_request', message: 'The request must be a JSON object.' };
const NO_STRING: Expected = { code: 'invalid_request', message: 'game_id must be a string.' };
const NO_GAME_ID: Expected = { code: 'invalid_request', message: 'game_id is required.' };
const NOT_IN_AN_ID: Expected = {
  code: 'invalid_request',
  message: 'game_id must not contain white space or control characters.',
};

/** A request of exactly `bytes` bytes. */
export function requestOf(bytes: number, game: string): string {
  const bare = JSON.stringify({ game_id: game, x: '' });
  return JSON.stringify({ game_id: game, x: 'x'.repeat(bytes - bare.length) });
}

/** Of group A what is no more than a body. */
export const ENVELOPE_BODIES: readonly BodyCase[] = [
  { name: 'A5 an empty payload', bodies: [['', NOT_JSON]] },
  { name: 'A6 a payload of 1 MiB', bodies: [[requestOf(1_048_000, 'a6'), TOO_LARGE]] },
  {
    name: 'A7 a payload of one byte too many',
    bodies: [
      [requestOf(CAP + 1, 'a7'), TOO_LARGE],
      [requestOf(CAP, 'a7'), { game: 'a7' }],
    ],
  },
  {
    name: 'A8 bytes that are not UTF-8',
    bodies: [
      [Buffer.from('{"game_id":"a8\xff\xfe"}', 'latin1'), NOT_JSON],
      [Buffer.from('{"game_id":"\xed\xa0\x80"}', 'latin1'), NOT_JSON],
      [Buffer.from([0xc0, 0x80]), NOT_JSON],
    ],
  },
  {
    name: 'A9 UTF-16, and UTF-8 with a byte order mark',
    bodies: [
      [Buffer.from('\ufeff{"game_id":"a9"}', 'utf16le'), NOT_JSON],
      [Buffer.from('{"game_id":"a9"}', 'utf16le'), NOT_JSON],
      ['\ufeff{"game_id":"a9"}', NOT_JSON],
    ],
  },
];

export const JSON_BODIES: readonly BodyCase[] = [
  { name: 'B19 JSON that ends too early', bodies: [['{"game_id":"b19"', NOT_JSON]] },
  { name: 'B20 JSON with something after it', bodies: [['{"game_id":"b20"}{"game_id":"b20"}', NOT_JSON]] },
  { name: 'B21 null', bodies: [['null', NOT_AN_OBJECT]] },
  { name: 'B22 an array', bodies: [['[{"game_id":"b22"}]', NOT_AN_OBJECT]] },
  { name: 'B23 a number', bodies: [['7', NOT_AN_OBJECT]] },
  { name: 'B24 a string', bodies: [['"b24"', NOT_AN_OBJECT]] },
  {
    name: 'B25 the same key twice: the last one counts',
    bodies: [
      ['{"game_id":"b25-first","game_id":"b25-last"}', { game: 'b25-last' }],
      ['{"game_id":"b25-last","game_id":7}', NO_STRING],
    ],
  },
  {
    name: 'B26 __proto__ as a key',
    bodies: [
      ['{"__proto__":{"game_id":"polluted"}}', NO_GAME_ID],
      ['{"__proto__":{"game_id":"polluted"},"game_id":"b26"}', { game: 'b26' }],
      [
        '{"game_id":"b26-none","settings":{"require":{"__proto__":true}}}',
        { code: 'no_instance', message: 'No healthy instance matches settings.require.' },
      ],
    ],
  },
  {
    name: 'B27 constructor.prototype as keys',
    bodies: [
      ['{"constructor":{"prototype":{"game_id":"polluted"}}}', NO_GAME_ID],
      ['{"game_id":"b27","settings":{"constructor":{"prototype":{"resource_level":"x"}}}}', { game: 'b27' }],
      ['{}', NO_GAME_ID],
    ],
  },
  {
    name: 'B28 nesting, 100,000 deep and as deep as fits',
    bodies: [
      ['['.repeat(100_000), TOO_LARGE],
      ['['.repeat(CAP), NOT_JSON],
      [`{"game_id":"b28","x":${'['.repeat(8000)}${']'.repeat(8000)}}`, { game: 'b28' }],
      [`{"game_id":${'['.repeat(8000)}${']'.repeat(8000)}}`, NO_STRING],
      [
        `{"game_id":"b28-none","settings":{"require":{"a":${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}}}}`,
        { code: 'invalid_request', message: 'settings.require.a must be a non-empty string or true.' },
      ],
    ],
  },
  {
    name: 'B29 1e400',
    bodies: [
      ['{"game_id":1e400}', NO_STRING],
      [
        '{"game_id":"b29-none","settings":{"cpu_cores":1e400}}',
        { code: 'invalid_request', message: 'settings.cpu_cores must be a number.' },
      ],
    ],
  },
  {
    name: 'B30 -0',
    bodies: [
      [
        '{"game_id":"b30-none","settings":{"cpu_cores":-0}}',
        { code: 'invalid_request', message: 'settings.cpu_cores must be above 0 and at most 1000.' },
      ],
      ['{"game_id":"b30","settings":{"wait_ms":-0}}', { game: 'b30' }],
    ],
  },
  {
    name: 'B31 2^53+1',
    bodies: [
      ['{"game_id":9007199254740993}', NO_STRING],
      [
        '{"game_id":"b31-none","settings":{"memory_bytes":9007199254740993}}',
        { code: 'invalid_request', message: 'settings.memory_bytes must be at most 1e13.' },
      ],
    ],
  },
  {
    name: 'B32 an unknown key of 1 MB, and of what fits: never repeated',
    bodies: [
      [`{"game_id":"b32","${'k'.repeat(1_000_000)}":1}`, TOO_LARGE],
      [`{"game_id":"b32","${'k'.repeat(15_000)}":1}`, { game: 'b32' }],
      [
        `{"game_id":"b32-none","settings":{"require":{"${'k'.repeat(15_000)}":1}}}`,
        { code: 'invalid_request', message: 'settings.require must have keys of 1 to 64 characters.' },
      ],
    ],
  },
  {
    name: 'B33 10,000 unknown keys, and as many as fit',
    bodies: [
      [JSON.stringify({ game_id: 'b33', ...keys(10_000) }), TOO_LARGE],
      [JSON.stringify({ game_id: 'b33', ...keys(1500) }), { game: 'b33' }],
    ],
  },
];

export const GAME_ID_BODIES: readonly BodyCase[] = [
  {
    name: 'C37 an empty game_id',
    bodies: [id('', { code: 'invalid_request', message: 'game_id must not be empty.' })],
  },
  {
    name: 'C38 white space in it',
    bodies: [' ', 'a b', '\t', '\n', 'c38\n', '\u00a0', '\u2028', '\ufeff'].map((text) => id(text, NOT_IN_AN_ID)),
  },
  { name: 'C39 NUL in it', bodies: [id('a\0b', NOT_IN_AN_ID), ['{"game_id":"a\0b"}', NOT_JSON]] },
  {
    name: 'C40 129 characters',
    bodies: [
      id('x'.repeat(129), { code: 'invalid_request', message: 'game_id must have at most 128 characters.' }),
      kept('x'.repeat(128)),
    ],
  },
  {
    name: 'C41 emoji, as many as letters',
    bodies: [
      kept('🎮'.repeat(128)),
      id('🎮'.repeat(129), { code: 'invalid_request', message: 'game_id must have at most 128 characters.' }),
      kept('👩‍👩‍👧‍👦'),
    ],
  },
  { name: 'C42 composed and decomposed twins are two games', bodies: [kept('\u00e9-c42'), kept('e\u0301-c42')] },
  {
    name: 'C43 half a surrogate pair',
    bodies: ['\\ud800', 'c43\\udfff', '\\udc00\\ud800'].map((escaped) => [
      `{"game_id":"${escaped}"}`,
      { code: 'invalid_request', message: 'game_id must be well-formed Unicode.' },
    ]),
  },
  { name: 'C44 parts of paths', bodies: ['..', '../../etc/passwd', '/', '//c44', '%2f', '%2e%2e%2f'].map(kept) },
  { name: 'C45 NATS wildcards', bodies: ['*', '>', 'game.*', '.', '..c45'].map(kept) },
  { name: 'C46 hash tags of Redis', bodies: ['{tag}', '{}', '{c46'].map(kept) },
  { name: 'C47 a command behind a line break', bodies: [id('a\r\nSET b c', NOT_IN_AN_ID)] },
  { name: 'C48 patterns, and names of our own fields', bodies: ['g:*', 'i:10.0.0.1', 'fleet', 'gone', '?'].map(kept) },
  {
    name: 'C49 what a client library takes for other types',
    bodies: ['null', 'true', '123', '1e3', '0123', '123456789012345678901', '"c49"', '{"a":1}', '[]'].map(kept),
  },
  { name: 'C50 right-to-left override', bodies: [kept('\u202ec50\u202c')] },
  { name: 'C51 twins but for the case', bodies: [kept('c51'), kept('C51')] },
  {
    name: 'C52 what acts on logs and pages',
    bodies: ['<script>alert(1)</script>', `\${jndi:ldap://c52}`, '%s%n', '\\u001b[31mc52', '{{7*7}}'].map(kept),
  },
  {
    name: 'C53 no string',
    bodies: ['7', 'true', 'null', '{}', '["c53"]'].map((value) => [`{"game_id":${value}}`, NO_STRING]),
  },
];

function keys(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 0]));
}

function id(gameId: string, expected: Expected): readonly [string, Expected] {
  return [JSON.stringify({ game_id: gameId }), expected];
}

/** Kept byte for byte. */
function kept(gameId: string): readonly [string, Expected] {
  return id(gameId, { game: gameId });
}
