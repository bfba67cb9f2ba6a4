import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BatchRequest } from '../../lib/api/batch.ts';
import { FAILURES } from '../../lib/api/outcomes.ts';
import { answered, type Exchange, MESSAGES, relayed } from './wire.ts';

interface Fixture {
  /** The codes that a relay of that version knows: it takes a reply with another one for none. */
  readonly codes: readonly string[];
  /** What that version's function answers to an operation that it does not know. */
  readonly unknownOp: string;
  readonly exchanges: readonly Exchange[];
}

const folder = fileURLToPath(new URL('./fixtures', import.meta.url));

// Relay and function may be one version apart. A release records its own wire: RECORD_WIRE=<version> npx vitest run
// --project parts test/compat. Fixtures of versions that nobody runs any more can go.
const record = process.env['RECORD_WIRE'];
if (record !== undefined)
  writeFileSync(`${folder}/${record}.json`, `${JSON.stringify(await recorded(), undefined, 2)}\n`);

async function recorded(): Promise<Fixture> {
  const exchanges: Exchange[] = [];
  for (const message of MESSAGES) {
    let answer = '';
    const { request, reply } = await relayed(message, async (body) => {
      ({ body: answer } = await answered(body));
      return answer;
    });
    exchanges.push({ ...message, request, answer, reply });
  }
  const { body: unknownOp } = await answered('{"v":1,"items":[{"op":"later","request":{}}]}');
  return { codes: Object.keys(FAILURES), unknownOp, exchanges };
}

const parse = (text: string) => JSON.parse(text) as { items: Record<string, unknown>[]; attempts?: unknown };

/** An answer tells for which attempts it is, where its version does that: now those of `request`. */
function addressed(answer: string, request: string): string {
  const { attempts, ...rest } = parse(answer);
  if (attempts === undefined) return answer;
  return JSON.stringify({ ...rest, attempts: parse(request).items.map(({ attempt }) => attempt) });
}

const fixtures = readdirSync(folder).filter((file) => file.endsWith('.json'));

it('has the wire of a version before this one', () => {
  expect(fixtures).not.toEqual([]);
});

describe.each(fixtures)('with %s', (file) => {
  const { codes, unknownOp, exchanges }: Fixture = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'));
  const named = exchanges.map((exchange) => [exchange.name, exchange] as const);

  it('has each operation, and each failure that a function can give', () => {
    expect(new Set(exchanges.map(({ endpoint }) => endpoint.op)).size).toBe(6);
    const failures = new Set(exchanges.map(({ reply }) => (reply as { code?: string }).code));
    expect(failures.size).toBe(7);
  });

  it.each(named)('an old relay has from a new function what it had: %s', async (_, { request, answer }) => {
    const now = await answered(request);

    expect(now.status).toBe(200);
    expect(parse(now.body)).toMatchObject(parse(answer));
    expect(parse(now.body).items).toHaveLength(parse(answer).items.length);
  });

  it.each(named)('a new relay with an old function replies as before: %s', async (_, { answer, reply, ...message }) => {
    expect((await relayed(message, (body) => addressed(answer, body))).reply).toEqual(reply);
  });

  it.each(named)('an old function understands a new relay: %s', async (_, { request, ...message }) => {
    const now = (await relayed(message, () => '')).request;

    const before = parse(request);
    const items = before.items.map((item) => ({ ...item, attempt: expect.stringMatching(/^.{1,64}$/) }));
    // More keys than before are ignored; those that it reads have the values that it knows.
    expect(parse(now)).toMatchObject({ ...before, items });
    expect(BatchRequest.safeParse(parse(now)).success).toBe(true);
  });

  it.each(named)('neither minds keys that it does not know: %s', async (_, { request, answer, reply, ...message }) => {
    const further = { later: { x: [1] } };
    const added = ({ items, ...rest }: ReturnType<typeof parse>) =>
      JSON.stringify({ ...rest, ...further, items: items.map((item) => ({ ...item, ...further })) });

    expect(parse((await answered(added(parse(request)))).body)).toMatchObject(parse(answer));
    const given = (body: string) => added(parse(addressed(answer, body)));
    expect((await relayed(message, given)).reply).toEqual(reply);
  });

  it('an operation that the function does not know yet fails alone, and the relay says so', async () => {
    const [known] = exchanges as [Exchange];
    const [item] = parse(known.request).items;
    const items = [{ op: 'later', request: {}, attempt: 'a' }, item];

    const now = parse((await answered(JSON.stringify({ v: 1, items }))).body).items;

    const [refusal] = parse(unknownOp).items;
    expect(now).toMatchObject([{ ...refusal, code: 'invalid_request' }, parse(known.answer).items[0]]);
    const message = { ...known, endpoint: { op: 'lookup' }, payload: { game_id: 'g' } } as const;
    const given = () => JSON.stringify({ v: 1, items: [refusal] });
    expect((await relayed(message, given)).reply).toEqual(refusal);
  });

  it('has every code that a function may answer today', () => {
    expect(Object.keys(FAILURES).filter((code) => !codes.includes(code))).toEqual([]);
  });
});
