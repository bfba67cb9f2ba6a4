import { parseArgs } from 'node:util';
import { parameterName } from '../../lib/app/secrets.ts';
import { SECRET_NAMES, type SecretName } from '../../lib/config/allocator-config.ts';
import { refuse } from '../stack/stack-flags.ts';

/** What every deployment needs; the others only where Consul, Prometheus or a Redis of one's own ask for them. */
const NEEDED = ['UPSTASH_REDIS_REST_TOKEN', 'API_TOKENS'] as const satisfies readonly SecretName[];

const PARAMETERS = SECRET_NAMES.map(parameterName);

export const SSM_PUT_USAGE = `Usage: npm run ssm:put -- --stage STAGE [NAME]... [--from FILE] [--generate api-tokens] [--yes] [--dry-run]

Writes the secrets of a stage to SSM Parameter Store, encrypted, under /game-allocator/STAGE, where its functions read
them. Asks for each without showing it, and shows names only. AWS_REGION and the credentials are the AWS SDK's own.

  NAME          which to ask for, of ${PARAMETERS.join(', ')};
                without any: ${NEEDED.map(parameterName).join(' and ')}
  --stage       such as dev or prod
  --from FILE   asks for none, and takes those that are in FILE, by line: ${NEEDED[0]}=...
  --generate    api-tokens: makes a new token and writes it; the newest one of before stays valid as the second
  --yes         overwrites without asking
  --dry-run     says what would be written, and writes nothing
  --help        print this and exit

Exits 0 when all was written, 1 when something was not, 2 for wrong usage.`;

export interface SsmPutOptions {
  readonly stage: string;
  /** To be asked for. */
  readonly names: readonly SecretName[];
  readonly file: string | undefined;
  readonly generate: boolean;
  readonly yes: boolean;
  readonly dryRun: boolean;
}

/** Prints the usage and ends the process for --help and for anything unknown. */
export function readSsmPutOptions(args: readonly string[]): SsmPutOptions {
  const { values, positionals } = parse(args);
  const { stage, from: file, generate } = values;
  if (values.help) {
    console.log(SSM_PUT_USAGE);
    process.exit(0);
  }
  if (stage === undefined || !/^[\w.-]+$/.test(stage)) return refuse('--stage STAGE is needed.', SSM_PUT_USAGE);
  if (generate !== undefined && generate !== 'api-tokens') {
    return refuse('--generate can make api-tokens, and nothing else.', SSM_PUT_USAGE);
  }
  if (file !== undefined && positionals.length > 0) {
    return refuse('With --from the file says which: no NAME beside it.', SSM_PUT_USAGE);
  }
  const names = positionals.map((text) => SECRET_NAMES.find((name) => parameterName(name) === text));
  // Not shown: it may be a value that was given in the place of a name.
  if (names.includes(undefined)) return refuse(`Each NAME must be one of ${PARAMETERS.join(', ')}.`, SSM_PUT_USAGE);
  const asked = names.filter((name) => name !== undefined);
  const all = asked.length > 0 || file !== undefined || generate !== undefined ? asked : NEEDED;
  return {
    stage,
    names: [...new Set(all)].filter((name) => generate === undefined || name !== 'API_TOKENS'),
    file,
    generate: generate !== undefined,
    yes: values.yes,
    dryRun: values['dry-run'],
  };
}

function parse(args: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const;
  const text = { type: 'string' } as const;
  const options = { stage: text, from: text, generate: text, yes: flag, 'dry-run': flag, help: flag };
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch {
    // parseArgs says the argument in its message.
    return refuse('There is an option that is not known, or that has no value.', SSM_PUT_USAGE);
  }
}
