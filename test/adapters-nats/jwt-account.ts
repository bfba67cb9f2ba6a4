import { nkeys } from 'nats';

export interface JwtAccount {
  /** The part of a server's configuration that lets this account's users in. */
  readonly config: string;
  /** A credentials file, as `nsc` writes it, of a new user. */
  newUser(): string;
}

type Keys = ReturnType<typeof nkeys.createUser>;

/** An operator and an account of NATS's decentralised kind, in which JWTs and not the server say who may do what. */
export function createJwtAccount(): JwtAccount {
  const operator = nkeys.createOperator();
  const account = nkeys.createAccount();
  const accountJwt = jwt(operator, account, 'account', { limits: UNLIMITED });
  return {
    config: `operator: ${jwt(operator, operator, 'operator', {})}
resolver: MEMORY
resolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
    newUser() {
      const user = nkeys.createUser();
      return `-----BEGIN NATS USER JWT-----
${jwt(account, user, 'user', { subs: -1, data: -1, payload: -1 })}
------END NATS USER JWT------

************************* IMPORTANT *************************
-----BEGIN USER NKEY SEED-----
${Buffer.from(user.getSeed()).toString()}
------END USER NKEY SEED------

*************************************************************
`;
    },
  };
}

const UNLIMITED = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };

function jwt(issuer: Keys, subject: Keys, type: string, claims: object): string {
  const now = Math.floor(Date.now() / 1000);
  const body = {
    jti: `${type}-${now}`,
    iat: now,
    iss: issuer.getPublicKey(),
    name: type,
    sub: subject.getPublicKey(),
    nats: { ...claims, type, version: 2 },
  };
  const text = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(body)}`;
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
