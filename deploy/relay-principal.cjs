/**
 * Who may take on the relay's role: the principal of its trust policy. An AWS service by its name
 * (ecs-tasks.amazonaws.com), or one role or user by its ARN. Nobody else, and never everybody.
 * @param {{ resolveVariable: (name: string) => Promise<string> }} variables
 */
module.exports = async ({ resolveVariable }) => {
  const who = await resolveVariable('param:relayPrincipal');
  if (/^[a-z0-9.-]+\.amazonaws\.com$/.test(who)) return { Service: who };
  if (/^arn:aws[\w-]*:iam::\d{12}:(role|user)\/[\w+=,.@/-]+$/.test(who)) return { AWS: who };
  throw new Error('The parameter relayPrincipal must be the ARN of a role or user, or the name of an AWS service.');
};
