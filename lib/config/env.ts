import * as z from 'zod/mini';

/** Environment variables as a process has them. */
export type Env = Readonly<Record<string, string | undefined>>;

/** A variable's text on its way to a value of type T. */
export type Variable<T> = z.ZodMiniType<T, string>;

/** The configuration cannot be used. `problems` has one line per variable, with its name and rule and never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration has ${problems.length} problem(s): ${problems.join(' ')}`);
    this.problems = problems;
  }
}

/**
 * Reads `schema`'s variables from `env`. An empty variable counts as absent, since that is what an unset
 * substitution leaves behind in a compose file. Throws ConfigError with every problem at once.
 */
export function readEnv<T>(schema: z.ZodMiniType<T>, env: Env): T {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = schema.safeParse(present);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map((issue) => `${issue.path.map(String).join('.')} ${issue.message}.`));
}

/** `schema`, and `fallback` where the variable is absent. */
export function defaulted<T>(schema: Variable<T>, fallback: T) {
  return z.pipe(
    z.optional(schema),
    z.transform((value): T => value ?? fallback),
  );
}

/** A variable whose text `parse` turns into a value, or into undefined where it breaks `rule`. */
export function variable<T>(rule: string, parse: (text: string) => T | undefined): Variable<T> {
  return z.pipe(
    z.string('is required'),
    z.transform((value, context): T => {
      const result = parse(value);
      if (result !== undefined) return result;
      context.issues.push({ code: 'custom', message: rule, input: value });
      return z.NEVER;
    }),
  );
}

export function number(min: number, max: number): Variable<number> {
  return variable(`must be a number from ${min} to ${max}`, (text) => {
    const value = /^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

export function integer(min: number, max: number): Variable<number> {
  return variable(`must be a whole number from ${min} to ${max}`, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

/** true or false in any case: True and False are how the replaced service's settings are written. */
export function flag(): Variable<boolean> {
  return variable('must be true or false', (text) => {
    const value = text.toLowerCase();
    return value === 'true' || value === 'false' ? value === 'true' : undefined;
  });
}

/** One of `values`, in any case. */
export function oneOf<const V extends string>(values: readonly V[]): Variable<V> {
  return variable(`must be one of ${values.join(', ')}`, (text) =>
    values.find((value) => value.toLowerCase() === text.toLowerCase()),
  );
}

export function text(): Variable<string> {
  return variable('must not be blank', (value) => (value.trim() === '' ? undefined : value));
}

/** What surrounds a secret is a copying accident: no token of ours begins or ends with white space. */
export function secret(): Variable<string> {
  return variable('must not be blank', (value) => value.trim() || undefined);
}

/** An address without user name or password in it: those would end up in logs. */
export function httpUrl(): Variable<URL> {
  return variable('must be an http or https URL without user name or password', parseHttpUrl);
}

export function parseHttpUrl(value: string): URL | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    return undefined;
  return url;
}
