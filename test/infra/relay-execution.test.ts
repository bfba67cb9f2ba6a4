import { expect, it } from 'vitest';
import relayExecution from '../../deploy/aws/relay-execution.cjs';

const GIVEN = {
  relayImage: 'ghcr.io/example/relay:1',
  natsUrl: 'nats://nats:4222',
  relaySubnetIds: 'subnet-1',
  relaySecurityGroupIds: 'sg-1',
  natsCredential: '',
  relaySsmPath: '/game-allocator-relay/prod',
};

function executionOf(params: Readonly<Record<string, string>>) {
  const all: Record<string, string> = { ...GIVEN, ...params };
  return relayExecution({ resolveVariable: async (name) => all[name.replace(/^param:/, '')] ?? '' });
}

const actionsOf = async (params: Readonly<Record<string, string>>) =>
  (await executionOf(params)).statements.flatMap(({ Action }) => Action);

it('lets ECS write the log, and nothing else for an image from elsewhere and a relay without a secret', async () => {
  expect(await executionOf({})).toMatchObject({ secrets: [] });
  expect(await actionsOf({})).toEqual(['logs:CreateLogStream', 'logs:PutLogEvents']);
});

it.each([
  ['nats-nkey-seed', 'NATS_NKEY_SEED'],
  ['nats-token', 'NATS_TOKEN'],
  ['nats-password', 'NATS_PASSWORD'],
])('reads %s as %s', async (natsCredential, name) => {
  const { secrets } = await executionOf({ natsCredential });

  expect(secrets.map(({ Name }) => Name)).toEqual([name]);
  expect(JSON.stringify(secrets)).toContain(`:parameter/game-allocator-relay/prod/${natsCredential}"`);
  expect(await actionsOf({ natsCredential })).toEqual(expect.arrayContaining(['ssm:GetParameters', 'kms:Decrypt']));
});

it.each([
  ['', []],
  ['false', []],
  ['true', ['CONSOLE_TOKEN']],
])('gives the relay the token of its console only where that is wanted: %j', async (relayConsole, names) => {
  const { secrets } = await executionOf({ relayConsole, natsCredential: 'nats-token' });

  expect(secrets.map(({ Name }) => Name)).toEqual(['NATS_TOKEN', ...names]);
  const text = JSON.stringify(secrets);
  expect(text.includes(':parameter/game-allocator-relay/prod/console-token"')).toBe(names.length > 0);
});

it.each(['natsUrl', 'relaySubnetIds', 'relaySecurityGroupIds'])('says that %s is missing', async (name) => {
  await expect(executionOf({ [name]: '' })).rejects.toThrow(`The parameter ${name} is required with relayImage.`);
});

it('needs nothing where there is no relay', async () => {
  const nothing = { relayImage: '', natsUrl: '', relaySubnetIds: '', relaySecurityGroupIds: '' };

  await expect(executionOf(nothing)).resolves.toMatchObject({ secrets: [] });
});

it('knows no other secret', async () => {
  await expect(executionOf({ natsCredential: 'api-tokens' })).rejects.toThrow('natsCredential must be one of');
});
