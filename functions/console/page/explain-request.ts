/** The fields of the form, as they were typed. */
export interface ExplainFields {
  readonly game_id: string;
  readonly resource_level: string;
  readonly strategy: string;
  readonly cpu_cores: string;
  readonly memory_mib: string;
  readonly require: string;
  readonly prefer: string;
}

export type ExplainRequest = { readonly request: AssignBody } | { readonly problem: string };

interface AssignBody {
  readonly game_id: string;
  readonly settings?: Readonly<Record<string, unknown>>;
}

const MIB = 1024 ** 2;

/** What is sent for `fields`. Only what cannot be read is refused here: the allocator itself says what it does not take. */
export function readExplainRequest(fields: ExplainFields): ExplainRequest {
  const settings: Record<string, unknown> = {};
  if (fields.resource_level !== '') settings['resource_level'] = fields.resource_level;
  if (fields.strategy !== '') settings['strategy'] = fields.strategy;
  const cpuCores = readNumber(fields.cpu_cores);
  if (Number.isNaN(cpuCores)) return { problem: 'Expected CPU is a number of cores, such as 0.5.' };
  if (cpuCores !== undefined) settings['cpu_cores'] = cpuCores;
  const memoryMib = readNumber(fields.memory_mib);
  if (Number.isNaN(memoryMib)) return { problem: 'Expected memory is a number of MiB, such as 256.' };
  if (memoryMib !== undefined) settings['memory_bytes'] = Math.round(memoryMib * MIB);
  const require = readSelector(fields.require);
  if (require !== undefined) settings['require'] = require;
  const prefer = readSelector(fields.prefer);
  if (prefer !== undefined) settings['prefer'] = prefer;
  const request = { game_id: fields.game_id.trim() };
  return { request: Object.keys(settings).length === 0 ? request : { ...request, settings } };
}

/** Undefined where nothing was typed, NaN where it is no number. */
function readNumber(text: string): number | undefined {
  const trimmed = text.trim().replace(',', '.');
  return trimmed === '' ? undefined : Number(trimmed);
}

/** `region=eu, gpu` is `{ region: 'eu', gpu: true }`. */
function readSelector(text: string): Readonly<Record<string, string | boolean>> | undefined {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length === 0) return undefined;
  return Object.fromEntries(
    parts.map((part) => {
      const at = part.indexOf('=');
      if (at === -1) return [part, true];
      return [part.slice(0, at).trim(), readValue(part.slice(at + 1).trim())];
    }),
  );
}

function readValue(text: string): string | boolean {
  return text === 'true' ? true : text === 'false' ? false : text;
}
