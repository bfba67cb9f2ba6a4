import { createSsmSecrets } from '../../../lib/adapters/ssm/ssm-secrets.ts';
import { parameterName } from '../../../lib/app/secrets.ts';
import { UpstreamError } from '../../../lib/app/upstream-error.ts';
import { type AllocatorConfig, SECRET_NAMES, type SecretName } from '../../../lib/config/allocator-config.ts';
import { type Asking, timed } from '../ask.ts';
import { codeOf, explainFailure } from '../explain-failure.ts';
import { type Checked, type Finding, failed, ok, skipped, warning } from '../report.ts';

export interface SecretsRead {
  readonly checked: Checked;
  readonly get: (name: SecretName) => string | undefined;
}

/** Those that need no SSM. */
export async function givenSecrets({ secrets: given, redis }: AllocatorConfig): Promise<SecretsRead> {
  const checked =
    // A relay that decides itself, with a Redis of its own, has no HTTPS door.
    given.API_TOKENS === undefined && redis.kind === 'upstash'
      ? { findings: [noTokens('API_TOKENS is not set')] }
      : skipped('SSM_PATH is not set: secrets come from the environment');
  return { checked, get: (name) => given[name] };
}

/** The secrets as the product has them: given ones, and under SSM_PATH those that are not. Says names, never values. */
export async function readSecrets(config: AllocatorConfig, asking: Asking): Promise<SecretsRead> {
  const { secrets: given, ssmPath } = config;
  if (ssmPath === undefined) return givenSecrets(config);
  const wanted = SECRET_NAMES.filter((name) => given[name] === undefined);
  try {
    const { value: stored, ms } = await timed(() =>
      createSsmSecrets({ path: ssmPath }).read(wanted.map(parameterName), asking.limit()),
    );
    const get = (name: SecretName) => given[name] ?? (stored.get(parameterName(name))?.trim() || undefined);
    return { checked: { ms, findings: judge(config, stored, get) }, get };
  } catch (error) {
    const checked = { findings: [explainSsm(error, ssmPath, asking.timeoutMs)] };
    return { checked, get: (name) => given[name] };
  }
}

function judge(
  { secrets: given, ssmPath = '', redis }: AllocatorConfig,
  stored: ReadonlyMap<string, string>,
  get: (name: SecretName) => string | undefined,
): Finding[] {
  const there = [...stored.keys()].sort();
  const absent = SECRET_NAMES.filter((name) => get(name) === undefined);
  const fromEnvironment = SECRET_NAMES.filter((name) => given[name] !== undefined);
  const findings: Finding[] = [
    ok(`${ssmPath} has ${there.join(', ') || 'none of ours'}, decrypted`),
    ...(fromEnvironment.length === 0 ? [] : [ok(`from the environment: ${fromEnvironment.join(', ')}`)]),
  ];
  const needed: readonly SecretName[] = redis.kind === 'upstash' ? ['UPSTASH_REDIS_REST_TOKEN'] : [];
  for (const name of needed.filter((each) => absent.includes(each))) {
    const parameter = `${ssmPath}/${parameterName(name)}`;
    findings.push(failed(`${parameter} is missing`, `Write it: ${putCommand(ssmPath)}.`));
  }
  if (absent.includes('API_TOKENS')) findings.push(noTokens(`${ssmPath}/${parameterName('API_TOKENS')} is missing`));
  const others = absent.filter((name) => name !== 'API_TOKENS' && !needed.includes(name));
  if (others.length > 0)
    findings.push(ok(`not there, and not needed everywhere: ${others.map(parameterName).join(', ')}`));
  return findings;
}

function noTokens(text: string): Finding {
  return warning(
    text,
    'Without API tokens nobody gets in over HTTPS: `npm run ssm:put -- --stage STAGE --generate api-tokens`.',
  );
}

function putCommand(path: string): string {
  return `npm run ssm:put -- --stage ${/^\/game-allocator\/([\w.-]+)$/.exec(path)?.[1] ?? 'STAGE'}`;
}

function explainSsm(error: unknown, path: string, timeoutMs: number): Finding {
  const failure = error instanceof UpstreamError ? error.failure : undefined;
  const name = nameOf(error instanceof UpstreamError ? error.cause : error);
  if (failure === 'refused') {
    return failed(
      `SSM refused to read ${path}${name}`,
      'Do the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID) belong to the right account, and have they ssm:GetParametersByPath there and kms:Decrypt with its key?',
    );
  }
  if (failure === 'connect' && codeOf(error) === undefined) {
    return failed(
      `SSM could not be asked for ${path}${name}`,
      'Are AWS_REGION and credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID) set, and is there a route to SSM (in a VPC: an endpoint)?',
    );
  }
  const at = process.env['AWS_ENDPOINT_URL_SSM'] ? 'AWS_ENDPOINT_URL_SSM' : (process.env['AWS_REGION'] ?? 'its region');
  return explainFailure(error, { name: 'SSM', at, setting: 'AWS_REGION', credential: 'AWS_PROFILE' }, timeoutMs);
}

/** AWS names what is wrong in the error's name; its text may hold more than that. */
function nameOf(error: unknown): string {
  return error instanceof Error && /^\w{1,64}$/.test(error.name) && error.name !== 'Error' ? ` (${error.name})` : '';
}
