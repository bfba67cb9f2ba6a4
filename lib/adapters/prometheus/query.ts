/** PromQL whose answers are one value per instance: CPU in cores, RAM in bytes, and the time of measuring. */
interface FleetTemplates {
  readonly cpu: string;
  readonly memory: string;
  readonly time: string;
}

interface TemplateValues {
  /** Put where `$service` stands, which must be between double quotes. */
  readonly service: string;
  /** Put where `$label` stands. */
  readonly label: string;
  /** Put where `$window` stands, as a PromQL duration. */
  readonly windowS: number;
}

/**
 * One query for the load of the whole fleet; each series says in its label `m` what it is. `or` keeps them apart, since
 * it compares whole label sets.
 */
export function fleetQuery({ cpu, memory, time }: FleetTemplates): string {
  return [
    `label_replace(${cpu}, "m", "cpu", "", "")`,
    `label_replace(${memory}, "m", "ram", "", "")`,
    `label_replace(${time}, "m", "ts", "", "")`,
  ].join(' or ');
}

/** Replaces $service, $label and $window; any other dollar, as in a regular expression, stays. */
export function fillTemplate(template: string, { service, label, windowS }: TemplateValues): string {
  const window = Number.isInteger(windowS) ? `${windowS}s` : `${Math.ceil(windowS * 1000)}ms`;
  return template
    .replaceAll(/\$service\b/g, () => service.replaceAll(/["\\]/g, '\\$&'))
    .replaceAll(/\$label\b/g, () => label)
    .replaceAll(/\$window\b/g, () => window);
}
