import type { Op } from '../api/op.ts';
import type { AssignReply, Reply } from '../api/outcomes.ts';
import type { Log } from '../app/ports.ts';
import type { Question } from './ask-in-time.ts';

export interface AssignEventsOptions {
  /** The first tokens of the events' subjects; the instance's id is the last. */
  readonly subject: string;
  /** False where it could not be sent. May throw. */
  readonly publish: (subject: string, payload: Uint8Array) => boolean;
  readonly log: Log;
}

export interface AssignEvents {
  /** Tells of the assignment, if that is what the reply says and it is new. Never throws. */
  tell(question: Question, reply: Reply): void;
  /** Events that could not be sent. */
  lost(): number;
}

/**
 * Publishes an event for each new assignment: once, since all but one of the replies for a game say that they are
 * replays, and the relay takes one reply to each of its questions, however often it was sent. What the connection loses
 * is not sent again, nor is there an event where no reply came back although the game was recorded.
 */
export function createAssignEvents({ subject, publish, log }: AssignEventsOptions): AssignEvents {
  const encoder = new TextEncoder();
  let lost = 0;

  function tell({ op, request }: Question, reply: Reply): void {
    if (!isNewAssignment(op, reply) || !('game_id' in request)) return;
    const { instance_id, port, reassigned } = reply;
    const event = { game_id: request.game_id, instance_id, port, reassigned }; // JSON leaves out what is undefined
    try {
      if (publish(`${subject}.${instance_id}`, encoder.encode(JSON.stringify(event)))) return;
    } catch (error) {
      log.warning('assign_event_refused', {}, error);
    }
    lost += 1;
  }

  return { tell, lost: () => lost };
}

function isNewAssignment(op: Op, reply: Reply): reply is AssignReply {
  return op === 'assign' && reply.success && !('replayed' in reply);
}
