import type { AssignSettings } from '../../lib/client/assign-settings.ts';
import { numberOf } from './arguments.ts';
import { WrongUsage } from './command.ts';

/** For parseArgs: the `settings` of a request to assign or to explain. */
export const GAME_OPTIONS = {
  level: { type: 'string' },
  'cpu-cores': { type: 'string' },
  'memory-bytes': { type: 'string' },
  exact: { type: 'boolean' },
  require: { type: 'string', multiple: true },
  prefer: { type: 'string', multiple: true },
  strategy: { type: 'string' },
} as const;

/** The same for `--help`. */
export const GAME_USAGE = `  --level LEVEL          low (weighs CPU, the default) or high (weighs RAM)
  --cpu-cores N          what the game is expected to use, where that is known
  --memory-bytes N
  --exact                it will not be more than that
  --require KEY[=VALUE]  what the server must be, may be repeated: region=eu, or gpu for a tag
  --prefer KEY[=VALUE]   the same for what it had better be
  --strategy NAME        spread or pack, where the allocator allows it`;

export interface GameValues {
  readonly level?: string | undefined;
  readonly 'cpu-cores'?: string | undefined;
  readonly 'memory-bytes'?: string | undefined;
  readonly exact?: boolean | undefined;
  readonly require?: readonly string[] | undefined;
  readonly prefer?: readonly string[] | undefined;
  readonly strategy?: string | undefined;
}

/** What is not given is left out. Whether words and ranges are right is the allocator's to say, which says it well. */
export function settingsOf(values: GameValues): AssignSettings {
  return {
    resource_level: values.level as AssignSettings['resource_level'],
    cpu_cores: numberOf('cpu-cores', values['cpu-cores']),
    memory_bytes: numberOf('memory-bytes', values['memory-bytes']),
    exact: values.exact,
    require: selectorOf('require', values.require),
    prefer: selectorOf('prefer', values.prefer),
    strategy: values.strategy as AssignSettings['strategy'],
  };
}

function selectorOf(name: string, given: readonly string[] | undefined): AssignSettings['require'] {
  if (given === undefined) return undefined;
  return Object.fromEntries(
    given.map((text) => {
      const end = text.indexOf('=');
      if (text === '' || end === 0) throw new WrongUsage(`--${name} must be KEY or KEY=VALUE.`);
      return end === -1 ? [text, true] : [text.slice(0, end), text.slice(end + 1)];
    }),
  );
}
