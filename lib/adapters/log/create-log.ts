import type { LogFields } from '../../app/log-fields.ts';
import type { Clock, Log } from '../../app/ports.ts';
import { LOG_LEVELS, type LogConfig, type LogLevel } from '../../config/log-config.ts';
import { allowedFields, allowedWord } from './allowed-fields.ts';
import { createCallerFinder } from './caller.ts';
import { describeError, type ErrorDescription } from './describe-error.ts';

export interface LogOptions extends LogConfig {
  /** Ids of the traces in which a line is written, as the field `trace` has them; undefined: in none. */
  readonly trace?: () => string | undefined;
}

/** What a line says; `error` and `caller` where there are any. */
type LineRecord = Readonly<Record<string, string | number | boolean | undefined | ErrorDescription>>;

/** A line with its line feed fits a page, which pipes write whole even when several processes share them. */
const MAX_LINE_BYTES = 4000;
/** Values are cut to the first of these lengths with which the line fits. */
const VALUE_LENGTHS = [512, 128, 32];

/**
 * One line for each event, on stdout unless told otherwise; `write` gets it without a line feed. Nothing in a field can
 * split a line. Only listed fields are written, see allowedFields, and errors by their types and codes, see describeError.
 * CRITICAL as level means silence: nothing here is worse than ERROR.
 */
export function createLog(config: LogOptions, write: (line: string) => void = toStdout, clock: Clock = Date.now): Log {
  const render = config.format === 'json' ? toJson : toText;
  const findCaller = config.traceCaller ? createCallerFinder() : undefined;
  const lowest = LOG_LEVELS.indexOf(config.level);

  function log(level: LogLevel, method: unknown, event: string, fields: LogFields = {}, error?: unknown) {
    if (LOG_LEVELS.indexOf(level) < lowest) return;
    const head = { time: new Date(clock()).toISOString(), level, service: config.service, event: allowedWord(event) };
    const caller = findCaller?.(method);
    const record = {
      ...head,
      ...allowedFields(withTrace(fields)),
      ...(error === undefined ? {} : { error: describeError(error) }),
      ...(caller === undefined ? {} : { caller }),
    };
    for (const length of VALUE_LENGTHS) {
      const line = render(record, length);
      if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return write(line);
    }
    write(render({ ...head, cut: true }, 128));
  }

  function withTrace(fields: LogFields): LogFields {
    const trace = config.trace?.();
    return trace === undefined ? fields : { trace, ...fields };
  }

  const self: Log = {
    debug: (event, fields) => log('DEBUG', self.debug, event, fields),
    info: (event, fields) => log('INFO', self.info, event, fields),
    warning: (event, fields, error) => log('WARNING', self.warning, event, fields, error),
    error: (event, fields, error) => log('ERROR', self.error, event, fields, error),
  };
  return self;
}

function toStdout(line: string) {
  process.stdout.write(`${line}\n`);
}

function toJson(record: LineRecord, maxLength: number): string {
  return oneLine(JSON.stringify(record, (_key, value) => (typeof value === 'string' ? cut(value, maxLength) : value)));
}

function toText({ time, level, service, event, ...rest }: LineRecord, maxLength: number): string {
  const pairs = Object.entries(rest).flatMap(([key, value]) => {
    if (value === undefined) return [];
    if (typeof value === 'object') return textPairs(key, value, maxLength);
    return [`${bare(key, maxLength)}=${bare(String(value), maxLength)}`];
  });
  const head = [time, level, bare(String(service), maxLength), bare(String(event), maxLength)];
  return oneLine([...head, ...pairs].join(' '));
}

function textPairs(key: string, error: ErrorDescription, maxLength: number): string[] {
  return Object.entries(error).flatMap(([part, value]) => {
    if (value === undefined) return [];
    const text = Array.isArray(value) ? value.join(' < ') : String(value);
    return [`${key}.${part}=${bare(text, maxLength)}`];
  });
}

/** As it is where that cannot be misread, else as a JSON string. */
function bare(text: string, maxLength: number): string {
  const short = cut(text, maxLength);
  return /^[\w.:/@+-]+$/.test(short) ? short : JSON.stringify(short);
}

function cut(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** JSON leaves these as they are, and some readers of logs take them for the end of a line or act on them. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
