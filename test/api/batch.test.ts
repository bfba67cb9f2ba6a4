import { expect, it } from 'vitest';
import { BatchRequest } from '../../lib/api/batch.ts';
import { parseWith } from '../../lib/api/schema.ts';

const item = (overrides: object = {}) => ({ op: 'assign', request: { game_id: 'a' }, ...overrides });
const batch = (...items: unknown[]) => ({ v: 1, items });

it.each([
  [item()],
  [item({ budget_ms: 430, traceparent: 'x', attempt: 'y' })],
  [item({ budget_ms: 0 })],
  [item({ budget_ms: 10_000 })],
  [item({ budget_ms: 0.5 })],
  [item({ op: 'renew' })],
  [item({ service: 'ai-service' })],
  [item({ request: null })],
  [item({ request: 'anything' })],
  [item({ attempt: 'x'.repeat(64) })],
])('takes the item %o as it is', (value) => {
  expect(parseWith(BatchRequest, batch(value))).toEqual({ value: batch(value) });
});

it('ignores keys that it does not know, in the batch and in its items', () => {
  expect(parseWith(BatchRequest, { ...batch(item({ priority: 1 })), w: 2 })).toEqual({ value: batch(item()) });
});

it('takes 1 to 64 items', () => {
  const ofSize = (count: number) => parseWith(BatchRequest, batch(...Array.from({ length: count }, () => item())));

  expect(ofSize(64)).toHaveProperty('value');
  expect(ofSize(0)).toMatchObject({ failure: { message: 'items must have at least 1 item.' } });
  expect(ofSize(65)).toMatchObject({ failure: { message: 'items must have at most 64 items.' } });
});

it.each<[unknown, string]>([
  [null, 'The request must be a JSON object.'],
  [[item()], 'The request must be a JSON object.'],
  [{ items: [item()] }, 'v is required.'],
  [{ v: 2, items: [item()] }, 'v must be 1.'],
  [{ v: '1', items: [item()] }, 'v must be 1.'],
  [{ v: 1 }, 'items is required.'],
  [{ v: 1, items: null }, 'items must be an array.'],
  [{ v: 1, items: { 0: item() } }, 'items must be an array.'],
  [batch(null), 'items.0 must be an object.'],
  [batch(item(), 'x'), 'items.1 must be an object.'],
  [batch({ request: {} }), 'items.0.op is required.'],
  [batch(item({ op: 5 })), 'items.0.op must be a string.'],
  [batch(item(), { op: 'assign' }), 'items.1.request is required.'],
  [batch(item({ budget_ms: '430' })), 'items.0.budget_ms must be a number.'],
  [batch(item({ budget_ms: null })), 'items.0.budget_ms must be a number.'],
  [batch(item({ budget_ms: Number.POSITIVE_INFINITY })), 'items.0.budget_ms must be a number.'],
  [batch(item({ budget_ms: -1 })), 'items.0.budget_ms must be at least 0.'],
  [batch(item({ budget_ms: 10_001 })), 'items.0.budget_ms must be at most 10000.'],
  [batch(item({ service: null })), 'items.0.service must be a string.'],
  [batch(item({ traceparent: null })), 'items.0.traceparent must be a string.'],
  [batch(item({ attempt: 7 })), 'items.0.attempt must be a string.'],
  [batch(item({ attempt: '' })), 'items.0.attempt must not be empty.'],
  [batch(item({ attempt: 'x'.repeat(65) })), 'items.0.attempt must have at most 64 characters.'],
])('refuses %j: %s', (input, message) => {
  expect(parseWith(BatchRequest, input)).toEqual({ failure: { code: 'invalid_request', message } });
});
