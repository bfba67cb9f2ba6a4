import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { build } from '../../esbuild.config.mjs';
import { PACKAGING_LIMIT_MS, packageService } from '../support/package-service.ts';
import { readTemplate, type Statement, statementsIn, type Template } from './template.ts';

const NAMES = ['Batch', 'Assign', 'Games', 'Services', 'Fleet', 'Console', 'Health'];
const WITH_SECRETS = NAMES.filter((name) => name !== 'Health' && name !== 'Console');
const RELAY = {
  relayImage: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/game/relay:1.2.3',
  relaySubnetIds: 'subnet-1,subnet-2',
  relaySecurityGroupIds: 'sg-1',
  natsUrl: 'tls://nats.internal:4222',
  natsCredential: 'nats-nkey-seed',
};
const OPTIONS = {
  ...RELAY,
  vpcSubnetIds: 'subnet-3,subnet-4',
  vpcSecurityGroupIds: 'sg-2',
  reservedConcurrency: '50',
  httpConcurrency: '10',
  provisionedConcurrency: '3',
  alarmTopic: 'arn:aws:sns:eu-central-1:123456789012:ops',
};

const folders: string[] = [];
let bare: Template;
/** With every option taken. */
let full: Template;

beforeAll(async () => {
  await build();
  bare = await packaged({});
  full = await packaged(OPTIONS);
}, PACKAGING_LIMIT_MS);
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function packaged(params: Readonly<Record<string, string>>): Promise<Template> {
  const folder = await mkdtemp(join(tmpdir(), 'template-'));
  folders.push(folder);
  await packageService(folder, 'prod', params);
  return readTemplate(folder);
}

const both = (): [string, Template][] => [
  ['without options', bare],
  ['with all of them', full],
];
const sub = (text: string) => ({ 'Fn::Sub': text });
const functionsOf = (template: Template) => Object.keys(template.ofType('AWS::Lambda::Function'));

it('has a function for each entry but the relay, on Node 24 and arm64', async () => {
  const entries = await readdir(fileURLToPath(new URL('../../functions', import.meta.url)));
  const names = entries.filter((file) => file.endsWith('.ts') && file !== 'relay.ts').map((file) => file.slice(0, -3));

  const described = Object.values(bare.ofType('AWS::Lambda::Function')).map(({ Properties }) => Properties);

  expect(described.map(({ FunctionName }) => FunctionName).toSorted()).toEqual(
    names.map((name) => `game-allocator-prod-${name}`).toSorted(),
  );
  for (const { Runtime, Architectures, MemorySize, Timeout } of described) {
    expect([Runtime, Architectures, MemorySize, Timeout]).toEqual(['nodejs24.x', ['arm64'], 1769, 6]);
  }
});

it('gives each function a role of its own, and with it its own log and the secrets of its stage, and no more', () => {
  const path = `arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter/game-allocator/prod`;
  for (const name of NAMES) {
    expect(bare.properties(`${name}LambdaFunction`).Role).toEqual({ 'Fn::GetAtt': [`${name}Role`, 'Arn'] });
    const { AssumeRolePolicyDocument, Policies, ...rest } = bare.properties(`${name}Role`);
    expect(rest).toEqual({});
    expect(statementsIn({ AssumeRolePolicyDocument })).toEqual([
      { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
    ]);
    const log = {
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: { 'Fn::GetAtt': [`${name}LogGroup`, 'Arn'] },
    };
    const secrets = [
      { Effect: 'Allow', Action: 'ssm:GetParametersByPath', Resource: [sub(path), sub(`${path}/*`)] },
      {
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: sub(`arn:\${AWS::Partition}:kms:\${AWS::Region}:\${AWS::AccountId}:key/*`),
        Condition: {
          StringEquals: { 'kms:ViaService': sub(`ssm.\${AWS::Region}.amazonaws.com`) },
          StringLike: { 'kms:EncryptionContext:PARAMETER_ARN': sub(`${path}/*`) },
        },
      },
    ];
    expect(statementsIn({ Policies })).toEqual(WITH_SECRETS.includes(name) ? [log, ...secrets] : [log]);
  }
});

/** Where AWS has nothing finer, or a condition beside it says what is meant. By what stands for the resource. */
const WILDCARDS: Readonly<Record<string, string>> = {
  'ec2:CreateNetworkInterface *': 'knows no resource before there is one; Lambda uses it, the code is denied it',
  'ec2:DescribeNetworkInterfaces *': 'knows no resource',
  'ec2:DescribeSubnets *': 'knows no resource',
  'ec2:DeleteNetworkInterface *': 'Lambda gives its interfaces no name; the code is denied it',
  'ec2:AssignPrivateIpAddresses *': 'the same',
  'ec2:UnassignPrivateIpAddresses *': 'the same',
  'ecr:GetAuthorizationToken *': 'knows no resource, and opens no repository by itself',
  'kms:Decrypt key/*': 'any key of the account, and only through SSM for the parameters of one path',
  'ssm:GetParametersByPath parameter/game-allocator/prod/*': 'the secrets of one stage',
};

it('has no wildcard in a policy but those that are listed with a reason', () => {
  const found = both().flatMap(([, template]) =>
    statementsIn(template.resources)
      .filter(({ Effect }) => Effect === 'Allow')
      .flatMap(wildcardsOf),
  );

  expect([...new Set(found)].toSorted()).toEqual(Object.keys(WILDCARDS).toSorted());
});

function wildcardsOf({ Action, Resource, Principal }: Statement): readonly string[] {
  const named = [Resource ?? []].flat().map((each) => JSON.stringify(each).replaceAll(/["{}]|Fn::Sub:/g, ''));
  const wild = named.filter((each) => each.includes('*')).map((each) => each.split(':').at(-1));
  const principals = JSON.stringify(Principal ?? '').includes('*') ? ['Principal *'] : [];
  const actions = [Action].flat();
  return [
    ...principals,
    ...actions.flatMap((action) => (action.includes('*') ? [action] : wild.map((resource) => `${action} ${resource}`))),
  ];
}

it('keeps from the code of a function what Lambda needs to put it into a VPC', () => {
  for (const name of WITH_SECRETS) {
    const [allowed, denied] = statementsIn(full.properties(`${name}Role`).Policies).slice(-2);
    expect(allowed?.Action).toContain('ec2:CreateNetworkInterface');
    expect(denied).toMatchObject({ Effect: 'Deny', Action: allowed?.Action, Resource: '*' });
    expect(JSON.stringify(denied?.Condition)).toContain('function:game-allocator-prod-*');
  }
  expect(JSON.stringify(full.properties('HealthRole'))).not.toContain('ec2:');
});

it('keeps each log for 90 days: each function has one, and the relay', () => {
  for (const [, template] of both()) {
    for (const { Properties } of Object.values(template.ofType('AWS::Logs::LogGroup'))) {
      expect(Properties.RetentionInDays).toBe(90);
    }
  }
  const names = (template: Template) =>
    Object.values(template.ofType('AWS::Logs::LogGroup')).map(({ Properties }) => Properties.LogGroupName);
  const ofFunctions = NAMES.map((name) => `/aws/lambda/game-allocator-prod-${name.toLowerCase()}`);
  expect(names(bare)).toEqual(ofFunctions);
  expect(names(full)).toEqual([...ofFunctions, '/ecs/game-allocator-prod-relay']);
});

it('asks for IAM at every function URL', () => {
  for (const [, template] of both()) {
    const urls = Object.values(template.ofType('AWS::Lambda::Url'));
    expect(urls.map(({ Properties }) => Properties.AuthType)).toEqual(['AWS_IAM']);
  }
});

it('leaves out what no parameter asks for', () => {
  for (const name of functionsOf(bare)) {
    expect(bare.properties(name)).not.toHaveProperty('VpcConfig');
    expect(bare.properties(name)).not.toHaveProperty('ReservedConcurrentExecutions');
  }
  const types = Object.values(bare.resources).map(({ Type }) => Type);
  expect(types.filter((type) => /ECS|Alias|MetricFilter/.test(type))).toEqual([]);
  expect(JSON.stringify(bare.outputs)).not.toMatch(/RelayService|RelayLogGroup/);
});

it('puts all functions that ask anybody into the VPC of the parameters', () => {
  const vpc = {
    SubnetIds: { 'Fn::Split': [',', 'subnet-3,subnet-4'] },
    SecurityGroupIds: { 'Fn::Split': [',', 'sg-2'] },
  };
  for (const name of WITH_SECRETS) expect(full.properties(`${name}LambdaFunction`).VpcConfig).toEqual(vpc);
  expect(full.properties('HealthLambdaFunction')).not.toHaveProperty('VpcConfig');
});

it('reserves and provides concurrency by parameter', () => {
  const reserved = NAMES.map((name) => full.properties(`${name}LambdaFunction`).ReservedConcurrentExecutions);

  expect(reserved.map(Number)).toEqual([50, ...Array(6).fill(10)]);
  const [alias] = Object.values(full.ofType('AWS::Lambda::Alias'));
  expect(alias?.Properties).toMatchObject({
    Name: 'provisioned',
    ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 3 },
  });
});

it('tags what it creates with service and stage', async () => {
  // The tags of the whole stack are given to CloudFormation at deployment and are not in the template.
  const { provider } = parse(await readFile(fileURLToPath(new URL('../../serverless.yml', import.meta.url)), 'utf8'));
  expect(provider.stackTags).toEqual(provider.tags);
  for (const name of functionsOf(bare)) {
    expect(bare.properties(name).Tags).toEqual([
      { Key: 'service', Value: 'game-allocator' },
      { Key: 'stage', Value: 'prod' },
    ]);
  }
});

it('says where everything is', () => {
  expect(Object.keys(bare.outputs)).toEqual(
    expect.arrayContaining(['BatchLambdaFunctionUrl', 'HttpApiUrl', 'BatchFunctionName', 'RelayRoleArn']),
  );
  expect(Object.keys(full.outputs)).toEqual(expect.arrayContaining(['RelayServiceName', 'RelayLogGroupName']));
});

it('runs the relay as two tasks that are replaced one after the other, or not at all', () => {
  expect(full.properties('RelayService')).toMatchObject({
    LaunchType: 'FARGATE',
    DesiredCount: 2,
    DeploymentConfiguration: {
      MinimumHealthyPercent: 100,
      MaximumPercent: 200,
      DeploymentCircuitBreaker: { Enable: true, Rollback: true },
    },
    NetworkConfiguration: {
      AwsvpcConfiguration: {
        Subnets: { 'Fn::Split': [',', 'subnet-1,subnet-2'] },
        SecurityGroups: { 'Fn::Split': [',', 'sg-1'] },
        AssignPublicIp: 'DISABLED',
      },
    },
  });
});

it('runs the relay as nobody, on a file system that it cannot write, with the role that may call one function', () => {
  const { ContainerDefinitions, ...task } = full.properties('RelayTask');

  expect(task).toMatchObject({
    RuntimePlatform: { CpuArchitecture: 'ARM64' },
    TaskRoleArn: { 'Fn::GetAtt': ['RelayRole', 'Arn'] },
    ExecutionRoleArn: { 'Fn::GetAtt': ['RelayExecutionRole', 'Arn'] },
  });
  expect(ContainerDefinitions).toHaveLength(1);
  expect(ContainerDefinitions[0]).toMatchObject({
    Image: RELAY.relayImage,
    User: '65532',
    ReadonlyRootFilesystem: true,
    HealthCheck: { Command: ['CMD', '/nodejs/bin/node', '/app/relay.mjs', '--health'] },
    LogConfiguration: { LogDriver: 'awslogs', Options: { 'awslogs-group': { Ref: 'RelayLogGroup' } } },
  });
  const actions = statementsIn(full.properties('RelayRole').Policies).map(({ Action }) => Action);
  expect(actions).toEqual(['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction']);
});

it('hands the relay its secret by name, and ECS the right to read that one and to pull that image', () => {
  const seed = sub(
    `arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter/game-allocator-relay/prod/nats-nkey-seed`,
  );
  const [container] = full.properties('RelayTask').ContainerDefinitions;
  expect(container.Secrets).toEqual([{ Name: 'NATS_NKEY_SEED', ValueFrom: seed }]);

  const statements = statementsIn(full.properties('RelayExecutionRole').Policies);
  const repository = sub(`arn:\${AWS::Partition}:ecr:eu-central-1:123456789012:repository/game/relay`);
  expect(statements.map(({ Action, Resource }) => [Action, Resource])).toEqual([
    [['logs:CreateLogStream', 'logs:PutLogEvents'], { 'Fn::GetAtt': ['RelayLogGroup', 'Arn'] }],
    ['ecr:GetAuthorizationToken', '*'],
    [['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'], repository],
    ['ssm:GetParameters', [seed]],
    ['kms:Decrypt', sub(`arn:\${AWS::Partition}:kms:\${AWS::Region}:\${AWS::AccountId}:key/*`)],
  ]);
  expect(JSON.stringify(statements.at(-1)?.Condition)).toContain('kms:EncryptionContext:PARAMETER_ARN');
});
