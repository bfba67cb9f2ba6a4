/** Replies as they come over HTTP. */
export type {
  ExplainedCandidate as Candidate,
  ExplainReply,
  FleetInstance,
  FleetReply,
  SourceReport,
} from '../../../lib/api/insight-replies.ts';
export type { AssignReply, GameReply as LookUpReply } from '../../../lib/api/outcomes.ts';
export type { RelayReport } from '../../../lib/relay/relay-report.ts';

export type SourceName = 'consul' | 'prometheus' | 'redis';
