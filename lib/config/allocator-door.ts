import * as z from 'zod/mini';
import { defaulted, httpUrl, integer, oneOf, secret, text } from './env.ts';

/** Where the function is, and who the relay says it is there. */
export const AllocatorDoorVariables = {
  /** The whole URL of the batch route. Without it the relay decides in its own process. */
  ALLOCATOR_URL: httpUrl(),
  KEEP_WARM: defaulted(integer(0, 100), 1),
  /** `iam` for a function URL, else `token` where there is one, else `none`. */
  ALLOCATOR_AUTH: z.optional(oneOf(['iam', 'token', 'none'])),
  ALLOCATOR_TOKEN: z.optional(secret()),
  /** What a function's region is where its host does not tell. */
  AWS_REGION: z.optional(text()),
};
type AllocatorDoorEnv = z.infer<z.ZodMiniObject<typeof AllocatorDoorVariables>>;

export type AllocatorAuth =
  | { readonly kind: 'iam'; readonly region: string }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'none' };

export interface AllocatorDoor {
  readonly url: URL;
  readonly auth: AllocatorAuth;
  /** Environments of the function that are kept warm. */
  readonly keepWarm: number;
}

/** What is wrong with the variables together, one sentence each. */
export function allocatorDoorProblems(read: AllocatorDoorEnv): readonly string[] {
  const kind = authKind(read);
  if (kind === 'iam' && regionOf(read) === undefined) return ['AWS_REGION is required with ALLOCATOR_AUTH=iam.'];
  if (kind === 'token' && read.ALLOCATOR_TOKEN === undefined) {
    return ['ALLOCATOR_TOKEN is required with ALLOCATOR_AUTH=token.'];
  }
  return [];
}

/** Only for variables without problems. */
export function toAllocatorDoor(read: AllocatorDoorEnv): AllocatorDoor {
  return { url: read.ALLOCATOR_URL, auth: toAuth(read), keepWarm: read.KEEP_WARM };
}

function toAuth(read: AllocatorDoorEnv): AllocatorAuth {
  switch (authKind(read)) {
    case 'iam':
      return { kind: 'iam', region: regionOf(read) ?? '' };
    case 'token':
      return { kind: 'token', token: read.ALLOCATOR_TOKEN ?? '' };
    case 'none':
      return { kind: 'none' };
  }
}

function authKind(read: AllocatorDoorEnv): AllocatorAuth['kind'] {
  if (read.ALLOCATOR_AUTH !== undefined) return read.ALLOCATOR_AUTH;
  if (regionInHost(read.ALLOCATOR_URL) !== undefined) return 'iam';
  return read.ALLOCATOR_TOKEN === undefined ? 'none' : 'token';
}

function regionOf(read: AllocatorDoorEnv): string | undefined {
  return regionInHost(read.ALLOCATOR_URL) ?? read.AWS_REGION;
}

/** Of a function URL, which is `<id>.lambda-url.<region>.on.aws`. */
function regionInHost({ hostname }: URL): string | undefined {
  return /\.lambda-url\.([-a-z0-9]+)\.on\.aws$/.exec(hostname)?.[1];
}
