import { GetParametersCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';

/** Parameters that are encrypted, by their whole names. Rejects with ParameterStoreError. */
export interface ParameterStore {
  /** Those of `names` that are there, with their values, which are of no use unless `decrypted`. */
  read(names: readonly string[], decrypted: boolean): Promise<ReadonlyMap<string, string>>;
  /** Writes it, and gives its version. */
  write(name: string, value: string, overwrite: boolean): Promise<number>;
}

/** What SSM said, by the name of its error alone: AWS repeats values in what it says of them. */
export class ParameterStoreError extends Error {
  override readonly name = 'ParameterStoreError';
}

const LIMIT_MS = 15_000;

/** SSM Parameter Store, found as the AWS SDK finds it. */
export function openParameterStore(): ParameterStore {
  const client = new SSMClient({});
  const limit = () => ({ abortSignal: AbortSignal.timeout(LIMIT_MS) });
  return {
    async read(names, decrypted) {
      try {
        const { Parameters = [] } = await client.send(
          new GetParametersCommand({ Names: [...names], WithDecryption: decrypted }),
          limit(),
        );
        return new Map(Parameters.map(({ Name = '', Value = '' }) => [Name, Value]));
      } catch (error) {
        throw explain('could not be asked', error);
      }
    },
    async write(name, value, overwrite) {
      const parameter = { Name: name, Value: value, Type: 'SecureString', Overwrite: overwrite } as const;
      try {
        return (await client.send(new PutParameterCommand(parameter), limit())).Version ?? 0;
      } catch (error) {
        throw explain(`did not take ${name}`, error);
      }
    },
  };
}

const ADVICE: Readonly<Record<string, string>> = {
  AccessDeniedException:
    'These credentials may not: ssm:GetParameters and ssm:PutParameter on it, kms:Encrypt and kms:Decrypt with its key.',
  CredentialsProviderError: 'No credentials were found: set AWS_PROFILE, or sign in.',
  ExpiredTokenException: 'The credentials are over: sign in again.',
  InvalidSignatureException: 'The secret key does not belong to the access key, or the clock of this machine is wrong.',
  UnrecognizedClientException: 'AWS does not know these credentials: are they of this region and account?',
  ParameterAlreadyExists: 'Somebody else has written it meanwhile: run this again.',
  ValidationException: 'A value must have at most 4,096 bytes.',
  TimeoutError: 'No answer came: is there a route to SSM?',
};

function explain(what: string, error: unknown): ParameterStoreError {
  const name = wordOf(error instanceof Error ? error.name : '');
  const code = wordOf(error instanceof Error && 'code' in error ? String(error.code) : '');
  const missingRegion = error instanceof Error && error.message === 'Region is missing';
  const advice = missingRegion ? 'Set AWS_REGION.' : ADVICE[name === 'AbortError' ? 'TimeoutError' : name];
  const word = name === 'Error' || name === 'AggregateError' ? code : name;
  return new ParameterStoreError(
    `SSM ${what}${word === '' ? '' : ` (${word})`}. ${advice ?? 'Are AWS_REGION and the credentials right?'}`,
  );
}

function wordOf(text: string): string {
  return /^\w{1,64}$/.test(text) ? text : '';
}
