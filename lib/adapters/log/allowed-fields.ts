import { LOG_FIELDS, type LogFieldName, type LogFields } from '../../app/log-fields.ts';

/** What stands for a value that is not what its field may have. */
const WITHHELD = '?';

const WORD = /^[\w.$-]{1,64}$/;
const TRACES = /^[\da-f]{32}( [\da-f]{32})*$/;

/** Of `fields` those that are in the list of LOG_FIELDS, each with a value that it may have. */
export function allowedFields(fields: LogFields): Record<string, string | number | boolean> {
  const entries: readonly (readonly [string, unknown])[] = Object.entries(fields);
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (isField(name) && value !== undefined ? [[name, allowed(name, value)]] : [])),
  );
}

/** A fixed code as it is, and nothing else: what an event is called is written by us, not put together. */
export function allowedWord(text: string): string {
  return WORD.test(text) ? text : WITHHELD;
}

function isField(name: string): name is LogFieldName {
  return Object.hasOwn(LOG_FIELDS, name);
}

function allowed(name: LogFieldName, value: unknown): string | number | boolean {
  const kind = LOG_FIELDS[name];
  if (kind === 'number') return typeof value === 'number' || typeof value === 'boolean' ? value : WITHHELD;
  if (typeof value !== 'string') return WITHHELD;
  switch (kind) {
    case 'word':
      return allowedWord(value);
    case 'words':
      return value.split(' ').map(allowedWord).join(' ');
    case 'names':
      return value;
    case 'traces':
      return TRACES.test(value) ? value : WITHHELD;
    default:
      return kind satisfies never;
  }
}
