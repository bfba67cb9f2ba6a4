import { createExplainAssignment } from './explain-assignment.ts';
import { createReportFleet } from './fleet-report.ts';
import type { InsightOptions, ServeInsight } from './insight-call.ts';

export function createInsight(options: InsightOptions): ServeInsight {
  const report = createReportFleet(options);
  const explain = createExplainAssignment(options);
  return (request, call) => (request.op === 'report' ? report(request, call) : explain(request, call));
}
