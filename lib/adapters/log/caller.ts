import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Finds who called `method`: `lib/relay/relay.ts:42`, or undefined where the stack does not tell. */
type CallerFinder = (method: unknown) => string | undefined;

/**
 * File and line as they are in the sources: through the source map beside the running bundle where there is one, read
 * once when it is first needed. Works without --enable-source-maps, since a setting may switch it on.
 */
export function createCallerFinder(): CallerFinder {
  const maps = new Map<string, SourceMap | undefined>();
  // Bounded by the number of places in our code that log.
  const known = new Map<string, string>();

  return (method) => {
    const place = placesAbove(method)[0];
    if (place === undefined) return undefined;
    const key = `${place.file}:${place.line}:${place.column}`;
    const caller = known.get(key) ?? original(place);
    known.set(key, caller);
    return caller;
  };

  function original({ file, line, column }: Place): string {
    if (!maps.has(file)) maps.set(file, readSourceMap(file));
    const origin = maps.get(file)?.findOrigin(line, column);
    return origin !== undefined && 'fileName' in origin
      ? `${withoutParents(origin.fileName)}:${origin.lineNumber}`
      : `${projectPath(file)}:${line}`;
  }
}

/** The first `count` places of an error's stack as file:line:column of the running code. Not its message. */
export function framesOf(error: Error, count: number): string[] {
  const stack = error.stack ?? '';
  const messageAt = stack.indexOf(error.message);
  // The message was changed after the stack was taken, so that nobody can tell where the one in the stack ends.
  if (messageAt === -1) return [];
  return places(stack.slice(messageAt + error.message.length))
    .slice(0, count)
    .map(({ file, line, column }) => `${projectPath(file)}:${line}:${column}`);
}

interface Place {
  /** A path, or a name such as node:internal/timers. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

function placesAbove(method: unknown): Place[] {
  const holder = { stack: '' };
  // Leaves out the frames down to and including the method: whoever wraps the log in between is the caller.
  Error.captureStackTrace(holder, method as () => void);
  return places(holder.stack);
}

function places(stack: string): Place[] {
  return [...stack.matchAll(/^\s+at .*?\(?((?:file:\/\/)?[^\s()]+):(\d+):(\d+)\)?$/gm)].map(
    ([, file = '', line, column]) => ({
      file: file.startsWith('file:') ? fileURLToPath(file) : file,
      line: Number(line),
      column: Number(column),
    }),
  );
}

function readSourceMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
  } catch {
    // Not bundled, or shipped without its map: the running code's own place is told.
    return undefined;
  }
}

/** Sources are named relative to the bundle, which is somewhere below the project. */
function withoutParents(source: string): string {
  return source.replace(/^(?:\.\.?\/)+/, '');
}

function projectPath(file: string): string {
  if (!path.isAbsolute(file)) return file;
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? path.basename(file) : relative;
}
