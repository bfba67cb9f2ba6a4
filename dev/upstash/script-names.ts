import { createHash } from 'node:crypto';

export interface ScriptNames {
  /** The command as open-source Redis accepts it. */
  readonly toRedis: (command: readonly string[]) => readonly string[];
  /** What the client expects as the reply to its own command. */
  readonly fromRedis: (command: readonly string[] | undefined, reply: unknown) => unknown;
}

/** The flag that Upstash wants (without it a script locks the whole database) and that open-source Redis refuses. */
const UPSTASH_FLAG = 'allow-key-locking';
const NAMES_KEPT = 1_000;

/**
 * Takes Upstash's flag off scripts on their way to Redis, and keeps EVALSHA working: the client names a script by the
 * SHA-1 of the text that it knows, Redis by that of the text without the flag.
 */
export function createScriptNames(): ScriptNames {
  const redisNameOf = new Map<string, string>();

  function strip(script: string): string {
    const stripped = stripFlag(script);
    if (stripped !== script) {
      redisNameOf.set(sha1(script), sha1(stripped));
      const [oldest] = redisNameOf.keys();
      if (redisNameOf.size > NAMES_KEPT && oldest !== undefined) redisNameOf.delete(oldest);
    }
    return stripped;
  }

  return {
    toRedis: (command) => {
      const [name = '', second = '', ...rest] = command;
      switch (name.toUpperCase()) {
        case 'EVAL':
        case 'EVAL_RO':
          return [name, strip(second), ...rest];
        case 'EVALSHA':
        case 'EVALSHA_RO':
          return [name, redisNameOf.get(second.toLowerCase()) ?? second, ...rest];
        case 'SCRIPT':
          if (second.toUpperCase() === 'LOAD') return [name, second, strip(rest[0] ?? ''), ...rest.slice(1)];
          if (second.toUpperCase() !== 'EXISTS') return command;
          return [name, second, ...rest.map((sha) => redisNameOf.get(sha.toLowerCase()) ?? sha)];
        default:
          return command;
      }
    },
    fromRedis: (command, reply) => {
      const loads = command?.[0]?.toUpperCase() === 'SCRIPT' && command[1]?.toUpperCase() === 'LOAD';
      return loads && Buffer.isBuffer(reply) ? Buffer.from(sha1(command[2] ?? '')) : reply;
    },
  };
}

/** An emptied first line stays, so that line numbers in error texts are the author's. */
function stripFlag(script: string): string {
  const end = script.indexOf('\n');
  const shebang = end === -1 ? script : script.slice(0, end);
  const flags = /^#!lua\s+flags=(\S*)\s*$/.exec(shebang)?.[1]?.split(',');
  if (flags === undefined || !flags.includes(UPSTASH_FLAG)) return script;
  const others = flags.filter((flag) => flag !== UPSTASH_FLAG).join(',');
  return (others === '' ? '' : `#!lua flags=${others}`) + script.slice(shebang.length);
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
