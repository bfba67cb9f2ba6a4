import type { Outcome, OutcomeFailure, ServiceRequest } from '../app/service-requests.ts';
import { addressOf, type DegradedSource, type Instance } from '../domain/fleet.ts';
import { type Failure, failureReply, type InstanceAddress, type Reply } from './outcomes.ts';
import { toExplainReply, toFleetReply } from './to-insight-reply.ts';

/** The reply that tells of an outcome; `request` is what it came of. */
export function toReply(outcome: Outcome, request: ServiceRequest): Reply {
  switch (outcome.kind) {
    case 'assigned': {
      const { instanceId, port, replayed, reassigned, degraded } = outcome;
      return {
        success: true,
        instance_id: instanceId,
        ...(port !== undefined && { port }),
        ...(replayed && { replayed }),
        ...(reassigned && { reassigned }),
        ...whereDegraded(degraded),
      };
    }
    case 'found': {
      const { instanceId, expiresInS } = outcome;
      return { success: true, instance_id: instanceId, ...(expiresInS !== undefined && { expires_in_s: expiresInS }) };
    }
    case 'released':
      return { success: true };
    case 'chosen':
      return { success: true, instance: toAddress(outcome.instance), ...whereDegraded(outcome.degraded) };
    case 'listed':
      return { success: true, instances: outcome.instances.map(toAddress), ...whereDegraded(outcome.degraded) };
    case 'reported':
      return toFleetReply(outcome.report);
    case 'explained':
      return toExplainReply(outcome.explanation);
    default:
      return failureReply(toFailure(outcome.kind, request));
  }
}

function whereDegraded(degraded: readonly DegradedSource[]) {
  return degraded.length > 0 && { degraded };
}

function toAddress(instance: Instance): InstanceAddress {
  return { address: addressOf(instance), rest_port: instance.restPort ?? 0, grpc_port: instance.grpcPort ?? 0 };
}

function toFailure(kind: OutcomeFailure, request: ServiceRequest): Failure {
  switch (kind) {
    case 'not_found':
      return { code: kind, message: 'No game with this game_id is assigned.' };
    case 'no_match':
      return { code: 'no_instance', message: 'No healthy instance matches settings.require.' };
    case 'no_capacity':
      if (request.op !== 'assign' || request.require === undefined) return { code: kind };
      return { code: kind, message: 'Every healthy instance that matches settings.require is full.' };
    case 'too_many_games':
      return { code: 'no_capacity', message: 'The service has as many games as it may have at once.' };
    default:
      return { code: kind };
  }
}
