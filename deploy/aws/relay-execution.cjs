/** How a relay may say to NATS who it is: the variable that it reads, by the last part of the SSM parameter's name. */
const CREDENTIALS = {
  'nats-nkey-seed': 'NATS_NKEY_SEED',
  'nats-token': 'NATS_TOKEN',
  'nats-password': 'NATS_PASSWORD',
};

/**
 * What ECS needs to start the relay: `secrets`, the container's secret variables, and `statements`, those of the policy
 * with which it reads them, pulls the image and writes the log. Throws where relayImage lacks what belongs to it.
 * @param {{ resolveVariable: (name: string) => Promise<string> }} variables
 */
module.exports = async ({ resolveVariable }) => {
  /** @param {string} name */
  const param = async (name) => String(await resolveVariable(`param:${name}`));
  const image = await param('relayImage');
  for (const name of image === '' ? [] : ['natsUrl', 'relaySubnetIds', 'relaySecurityGroupIds']) {
    if ((await param(name)) === '') throw new Error(`The parameter ${name} is required with relayImage.`);
  }
  const credential = await param('natsCredential');
  const variable = Object.entries(CREDENTIALS).find(([name]) => name === credential)?.[1];
  if (credential !== '' && variable === undefined) {
    throw new Error(`The parameter natsCredential must be one of ${Object.keys(CREDENTIALS).join(', ')}.`);
  }
  const path = await param('relaySsmPath');
  const hasConsole = (await param('relayConsole')) === 'true';
  const secrets = [
    ...(variable === undefined ? [] : [{ Name: variable, ValueFrom: parameter(path, credential) }]),
    ...(hasConsole ? [{ Name: 'CONSOLE_TOKEN', ValueFrom: parameter(path, 'console-token') }] : []),
  ];
  const read = secrets.map(({ ValueFrom }) => ValueFrom);
  return { secrets, statements: [...toLog(), ...toPull(image), ...(read.length > 0 ? toRead(read) : [])] };
};

function toLog() {
  const Resource = { 'Fn::GetAtt': ['RelayLogGroup', 'Arn'] };
  return [{ Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource }];
}

/** An image from elsewhere than ECR is pulled without AWS having a say. @param {string} image */
function toPull(image) {
  const [, account, region, repository] =
    /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^:@]+)/.exec(image) ?? [];
  if (repository === undefined) return [];
  const Resource = { 'Fn::Sub': `arn:\${AWS::Partition}:ecr:${region}:${account}:repository/${repository}` };
  return [
    // Knows no resource: a token for the registry, which opens no repository by itself.
    { Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' },
    { Effect: 'Allow', Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'], Resource },
  ];
}

/** @param {readonly object[]} parameters their ARNs */
function toRead(parameters) {
  return [
    { Effect: 'Allow', Action: 'ssm:GetParameters', Resource: parameters },
    {
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: { 'Fn::Sub': `arn:\${AWS::Partition}:kms:\${AWS::Region}:\${AWS::AccountId}:key/*` },
      Condition: {
        StringEquals: {
          'kms:ViaService': { 'Fn::Sub': `ssm.\${AWS::Region}.amazonaws.com` },
          'kms:EncryptionContext:PARAMETER_ARN': parameters,
        },
      },
    },
  ];
}

/** @param {string} path @param {string} name */
function parameter(path, name) {
  return { 'Fn::Sub': `arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter${path}/${name}` };
}
