import type { Log, LogFields } from '../../lib/app/ports.ts';

interface LogLine {
  readonly level: 'debug' | 'info' | 'warning' | 'error';
  readonly event: string;
  readonly fields: LogFields | undefined;
}

/** A log that keeps what it is told. */
export function recordedLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  return {
    lines,
    debug: (event, fields) => lines.push({ level: 'debug', event, fields }),
    info: (event, fields) => lines.push({ level: 'info', event, fields }),
    warning: (event, fields) => lines.push({ level: 'warning', event, fields }),
    error: (event, fields) => lines.push({ level: 'error', event, fields }),
  };
}
