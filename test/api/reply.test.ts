import { expect, it } from 'vitest';
import { OPS, type Op } from '../../lib/api/op.ts';
import { failureReply } from '../../lib/api/outcomes.ts';
import { readReply } from '../../lib/api/reply.ts';
import { EXPLAIN_REPLY, FLEET_REPLY } from '../support/insight.ts';

const HOME = { address: '10.0.0.3', rest_port: 5002, grpc_port: 0 };

const REPLIES: Record<Op, object> = {
  assign: { success: true, instance_id: 'a', port: 5002, replayed: true, reassigned: true, degraded: ['consul'] },
  lookup: { success: true, instance_id: 'a', expires_in_s: 70 },
  renew: { success: true, instance_id: 'a' },
  release: { success: true },
  instance: { success: true, instance: HOME, degraded: ['prometheus'] },
  instances: { success: true, instances: [HOME, HOME] },
  fleet: { success: true, ...FLEET_REPLY },
  explain: { success: true, ...EXPLAIN_REPLY },
};

it.each(OPS)('takes the reply to %s as it is, and drops what is not ours', (op) => {
  const reply = REPLIES[op];

  expect(readReply(op, reply)).toEqual(reply);
  expect(readReply(op, { ...reply, token: 'secret' })).toEqual(reply);
});

it.each(OPS)('takes a failure for a reply to %s', (op) => {
  const failure = failureReply({ code: 'no_capacity' });

  expect(readReply(op, failure)).toEqual(failure);
  expect(readReply(op, { ...failure, instance_id: 'a' })).toEqual(failure);
});

it.each<[Op, unknown]>([
  ['assign', REPLIES.release],
  ['assign', { success: true, instance_id: '' }],
  ['assign', { success: true, instance_id: 'a.*' }],
  ['lookup', { success: true, instance_id: 'a b' }],
  ['lookup', { success: true }],
  ['lookup', { success: true, instance_id: 'a', expires_in_s: -1 }],
  ['renew', { success: true, instance_id: 'a', expires_in_s: 1.5 }],
  ['release', { success: 'true' }],
  ['instance', REPLIES.instances],
  ['instance', { success: true, instance: { ...HOME, rest_port: '5002' } }],
  ['instance', { success: true, instance: { ...HOME, address: '' } }],
  ['instances', REPLIES.instance],
  ['instances', { success: true, instances: [{ address: 'a' }] }],
  ['instances', null],
  ['fleet', { success: true, instances: [] }],
  ['fleet', { success: true, ...FLEET_REPLY, instances: [{ instance_id: 'a' }] }],
  ['explain', { success: true, ...EXPLAIN_REPLY, decision: 'perhaps' }],
  ['explain', { success: true, ...EXPLAIN_REPLY, candidates: [{ instance_id: 'a', reason: 'liked' }] }],
  ['release', { success: false, code: 'made_up', message: 'x', retryable: false }],
])('takes for no reply to %s: %j', (op, reply) => {
  expect(readReply(op, reply)).toBeUndefined();
});
