import { reply, startServer, type TestServer } from './http-server.ts';

interface Stored {
  readonly type: string;
  readonly value: string;
  readonly version: number;
}

/** SSM Parameter Store, as far as we use it, in memory; held to what AWS documents of JSON 1.1. */
export interface FakeSsm {
  /** By whole names. */
  readonly parameters: Map<string, Stored>;
  readonly server: TestServer;
  /** The operations that were asked for, in order. */
  operations(): string[];
  /** What leads an AWS SDK to it. */
  readonly env: Readonly<Record<string, string>>;
  /** While set, the operation of that name is refused so. */
  refusals: Record<string, { readonly type: string; readonly message: string }>;
}

/** Of one page, and of the names in one call. */
const MOST = 10;
const MOST_BYTES = 4096;
const TARGET = /^AmazonSSM\.(\w+)$/;

class Refusal extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

type Input = Readonly<Record<string, unknown>>;

/** `parameters`: values of SecureStrings, by whole names. Stopped when the test ends. */
export async function startFakeSsm(parameters: Readonly<Record<string, string>> = {}): Promise<FakeSsm> {
  const stored = new Map(
    Object.entries(parameters).map(([name, value]) => [name, { type: 'SecureString', value, version: 1 }]),
  );
  const operations: Readonly<Record<string, (input: Input) => object>> = {
    GetParameters: (input) => getParameters(stored, input),
    GetParametersByPath: (input) => getParametersByPath(stored, input),
    PutParameter: (input) => putParameter(stored, input),
  };

  const server = await startServer((request, response, body) => {
    const answer = (status: number, value: object) =>
      reply(status, value, { 'content-type': 'application/x-amz-json-1.1' })(request, response, body);
    try {
      const operation = TARGET.exec(String(request.headers['x-amz-target']))?.[1] ?? '';
      const carryOut = operations[operation];
      if (request.method !== 'POST' || request.url !== '/' || carryOut === undefined) {
        throw new Refusal('UnknownOperationException', '');
      }
      if (request.headers['content-type'] !== 'application/x-amz-json-1.1') {
        throw new Refusal('SerializationException', '');
      }
      if (
        !/^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[\w-]+\/ssm\/aws4_request, /.test(
          request.headers.authorization ?? '',
        )
      ) {
        throw new Refusal('MissingAuthenticationTokenException', 'Missing Authentication Token');
      }
      const refusal = fake.refusals[operation];
      if (refusal !== undefined) throw new Refusal(refusal.type, refusal.message);
      answer(200, carryOut(JSON.parse(body)));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answer(400, { __type: error.type, message: error.message });
    }
  });
  const fake: FakeSsm = {
    parameters: stored,
    server,
    operations: () => server.requests.map(({ headers }) => TARGET.exec(String(headers['x-amz-target']))?.[1] ?? ''),
    env: {
      AWS_ENDPOINT_URL_SSM: server.url.href,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'example',
    },
    refusals: {},
  };
  return fake;
}

function getParameters(stored: FakeSsm['parameters'], { Names, WithDecryption }: Input): object {
  const names = Array.isArray(Names) ? Names.map(String) : [];
  if (names.length === 0 || names.length > MOST) throw invalid('names', names.join());
  return {
    Parameters: names.filter((name) => stored.has(name)).map((name) => shown(name, stored, WithDecryption === true)),
    InvalidParameters: names.filter((name) => !stored.has(name)),
  };
}

/** Not recursive: what is directly below the path, in pages. */
function getParametersByPath(stored: FakeSsm['parameters'], input: Input): object {
  const { Path, MaxResults = MOST, NextToken, WithDecryption } = input;
  if (typeof Path !== 'string' || !Path.startsWith('/')) throw invalid('path', String(Path));
  if (typeof MaxResults !== 'number' || MaxResults < 1 || MaxResults > MOST)
    throw invalid('maxResults', `${MaxResults}`);
  const prefix = `${Path.replace(/\/$/, '')}/`;
  const names = [...stored.keys()].filter(
    (name) => name.startsWith(prefix) && !name.slice(prefix.length).includes('/'),
  );
  const from = NextToken === undefined ? 0 : Number(NextToken);
  const end = from + MaxResults;
  return {
    Parameters: names.slice(from, end).map((name) => shown(name, stored, WithDecryption === true)),
    ...(end < names.length && { NextToken: String(end) }),
  };
}

function putParameter(stored: FakeSsm['parameters'], { Name, Value, Type, Overwrite }: Input): object {
  const before = stored.get(String(Name));
  if (typeof Name !== 'string' || !/^(\/[\w.-]+)+$/.test(Name)) throw invalid('name', String(Name));
  if (typeof Value !== 'string' || Value === '' || Buffer.byteLength(Value) > MOST_BYTES)
    throw invalid('value', String(Value));
  if (before !== undefined && Overwrite !== true) {
    throw new Refusal(
      'ParameterAlreadyExists',
      'The parameter already exists. To overwrite this value, set the overwrite option.',
    );
  }
  if (typeof Type !== 'string' && before === undefined) throw invalid('type', String(Type));
  const version = (before?.version ?? 0) + 1;
  stored.set(Name, { type: typeof Type === 'string' ? Type : (before?.type ?? ''), value: Value, version });
  return { Version: version, Tier: 'Standard' };
}

/** As AWS gives it: what was asked for without decryption comes encrypted. */
function shown(name: string, stored: FakeSsm['parameters'], decrypted: boolean): object {
  const { type = '', value = '', version } = stored.get(name) ?? {};
  const secret = type === 'SecureString' && !decrypted;
  return {
    Name: name,
    Type: type,
    Value: secret ? Buffer.from(`AQICAHh ${name}`).toString('base64') : value,
    Version: version,
  };
}

/** AWS repeats the value. */
function invalid(field: string, value: string): Refusal {
  return new Refusal(
    'ValidationException',
    `1 validation error detected: Value '${value}' at '${field}' failed to satisfy constraint`,
  );
}
