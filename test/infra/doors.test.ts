import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import relayPrincipal from '../../deploy/relay-principal.cjs';
import { build } from '../../esbuild.config.mjs';
import { PACKAGING_LIMIT_MS, packageService } from '../support/package-service.ts';
import { type Resource, readTemplate, type Statement, statementsIn } from './template.ts';

let folder = '';
let text = '';
let resources: Readonly<Record<string, Resource>> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doors-'));
  await build();
  await packageService(folder, 'dev');
  text = await readFile(join(folder, 'cloudformation-template-update-stack.json'), 'utf8');
  ({ resources } = await readTemplate(folder));
}, PACKAGING_LIMIT_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

it('describes the functions as they are meant', () => {
  expect(propertiesOf('BatchLambdaFunction')).toMatchObject({
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    MemorySize: 1769,
    Timeout: 6,
    Handler: 'dist/functions/batch/index.handler',
    Environment: { Variables: { STAGE: 'dev', SSM_PATH: '/game-allocator/dev', LOG_FORMAT: 'json' } },
  });
  expect(propertiesOf('HealthLogGroup')).toMatchObject({ RetentionInDays: 30 });
});

it('has the routes that there are meant to be', () => {
  const routes = ofType('AWS::ApiGatewayV2::Route').map(({ Properties }) => Properties['RouteKey']);

  expect(routes.toSorted()).toEqual([
    'DELETE /games/{game_id}',
    'GET /',
    'GET /fleet',
    'GET /games/{game_id}',
    'GET /health',
    'GET /services/{service}/instances',
    'POST /assign',
    'POST /batch',
    'POST /fleet/explain',
    'POST /games/{game_id}/renew',
    'POST /services/{service}/instance',
  ]);
});

it('has no secret in it, and nothing that opens the door', () => {
  expect(text).not.toMatch(/REST_TOKEN|API_TOKENS|PASSWORD|ALLOW_ANONYMOUS/);
});

it('lets only IAM callers in at the one function URL', () => {
  expect(ofType('AWS::Lambda::Url')).toEqual([
    {
      Type: 'AWS::Lambda::Url',
      Properties: { AuthType: 'AWS_IAM', TargetFunctionArn: { 'Fn::GetAtt': ['BatchLambdaFunction', 'Arn'] } },
    },
  ]);
});

it('grants both actions that a function URL needs to the one role of the relay, on the one function', () => {
  const arn = { 'Fn::GetAtt': ['BatchLambdaFunction', 'Arn'] };
  const resource = [arn, { 'Fn::Sub': `\${BatchLambdaFunction.Arn}:provisioned` }];

  expect(granted('RelayRole')).toEqual([
    {
      Effect: 'Allow',
      Action: 'lambda:InvokeFunctionUrl',
      Resource: resource,
      Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } },
    },
    {
      Effect: 'Allow',
      Action: 'lambda:InvokeFunction',
      Resource: resource,
      Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } },
    },
  ]);
  expect(propertiesOf('RelayRole')).not.toHaveProperty('ManagedPolicyArns');
  expect(propertiesOf('RelayRole')['AssumeRolePolicyDocument']).toMatchObject({
    Statement: [{ Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  });
});

it('grants no other role anything in Lambda, and nobody but the HTTP API a function', () => {
  const roles = Object.entries(resources).filter(([, { Type }]) => Type === 'AWS::IAM::Role');

  expect(roles.length).toBeGreaterThan(5);
  for (const [name] of roles.filter(([each]) => each !== 'RelayRole')) {
    const actions = granted(name).flatMap(({ Action }) => Action);
    expect([name, actions.filter((action) => !/^(logs|ssm|kms):/.test(action))]).toEqual([name, []]);
  }
  for (const { Properties } of ofType('AWS::Lambda::Permission')) {
    expect(Properties).toMatchObject({ Principal: 'apigateway.amazonaws.com', SourceArn: expect.anything() });
  }
});

it('allows nothing to everybody and nothing on everything', () => {
  const statements = statementsIn(resources);

  expect(statements.length).toBeGreaterThan(5);
  for (const statement of statements.filter(({ Effect }) => Effect !== 'Deny')) {
    expect(JSON.stringify(statement.Principal ?? null)).not.toContain('"*"');
    expect([statement.Resource ?? []].flat()).not.toContain('*');
    expect([statement.Action].flat().filter((action) => action.includes('*'))).toEqual([]);
  }
});

const principalOf = (who: string) => relayPrincipal({ resolveVariable: () => Promise.resolve(who) });

it.each([
  ['ecs-tasks.amazonaws.com', { Service: 'ecs-tasks.amazonaws.com' }],
  ['arn:aws:iam::123456789012:role/a/relay', { AWS: 'arn:aws:iam::123456789012:role/a/relay' }],
  ['arn:aws-cn:iam::123456789012:user/relay', { AWS: 'arn:aws-cn:iam::123456789012:user/relay' }],
])('the relay may be %s', async (who, principal) => {
  expect(await principalOf(who)).toEqual(principal);
});

it.each(['*', '', 'arn:aws:iam::123456789012:role/*', 'arn:aws:iam::123456789012:root', '123456789012', 'example.com'])(
  'the relay may not be %j',
  async (who) => {
    await expect(principalOf(who)).rejects.toThrow('relayPrincipal must be');
  },
);

function propertiesOf(name: string): Resource['Properties'] {
  return resources[name]?.Properties ?? {};
}

function ofType(type: string): readonly Resource[] {
  return Object.values(resources).filter(({ Type }) => Type === type);
}

/** The statements of a role's own policies. */
function granted(role: string): readonly Statement[] {
  return statementsIn(propertiesOf(role)['Policies']);
}
