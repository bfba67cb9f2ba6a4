import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { type Finding, failed } from './report.ts';

/** Whom a check asks, in an operator's words. */
export interface Target {
  readonly name: string;
  /** Where, without user, password or query. */
  readonly at: string;
  /** The variable that says where. */
  readonly setting: string;
  /** The variable that lets in. */
  readonly credential: string;
}

/** An address as it may be shown. */
export function shown(url: URL): string {
  return url.origin + (url.pathname === '/' ? '' : url.pathname);
}

/** What kept `target` from answering, and what to look at. Nothing of a foreign error's text, which may hold secrets. */
export function explainFailure(error: unknown, target: Target, timeoutMs: number): Finding {
  const { name, at, setting, credential } = target;
  const who = `${name} at ${at}`;
  const failure = error instanceof UpstreamError ? error.failure : 'reset';
  const code = codeOf(error);
  switch (failure) {
    case 'connect':
      return explainConnection(target, code, timeoutMs);
    case 'timeout':
      return failed(
        `${who} did not answer within ${timeoutMs} ms`,
        `${name} takes connections and does not answer: is it stopped or overloaded? Its own log tells; --timeout waits longer.`,
      );
    case 'reset':
      return failed(
        `${who} broke the connection off${inBrackets(code)}`,
        `Is it really ${name} that listens at ${at}, with or without TLS as ${setting} says?`,
      );
    case 'refused':
      return failed(
        `${who} refused our credentials${inBrackets(statusOf(error) ?? code)}`,
        `Is ${credential} set, and still valid there?`,
      );
    case 'status':
      return failed(
        `${who} answered HTTP ${statusOf(error)}`,
        `Is ${setting} the address of ${name} itself, path included, and what does its log say?`,
      );
    case 'invalid_body':
      return failed(`${who} answers like something else`, `Is it really ${name} at ${at}? ${setting} says so.`);
    case 'error_reply':
      return failed(`${who} answered an error${inBrackets(code)}`, `The log of ${name} says what it means.`);
    default:
      return failure satisfies never;
  }
}

function explainConnection({ name, at, setting }: Target, code: string | undefined, timeoutMs: number): Finding {
  const who = `${name} at ${at}`;
  if (code === 'ECONNREFUSED') {
    return failed(
      `${who} refused the connection`,
      `${who} refused the connection: is ${setting} right, does it run, is the security group open?`,
    );
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return failed(
      `${who}: nobody knows that host name`,
      `Is ${setting} spelt right? A private name is known only inside its own network.`,
    );
  }
  if (code !== undefined && /CERT|TLS|SSL|EPROTO|SELF_SIGNED|UNABLE_TO_/.test(code)) {
    return failed(
      `${who}: TLS failed (${code})`,
      `Does ${setting} say https (or tls) where there is TLS and only there, and is the certificate known here (NODE_EXTRA_CA_CERTS)?`,
    );
  }
  if (code === undefined) {
    return failed(
      `${who} took no connection within ${timeoutMs} ms`,
      `Is ${setting} right, and do the security group, the firewall and the route let this machine in?`,
    );
  }
  return failed(
    `${who} could not be reached (${code})`,
    `Is ${setting} right, and is there a route from this machine?`,
  );
}

function statusOf(error: unknown): string | undefined {
  return error instanceof UpstreamError && error.status !== undefined ? String(error.status) : undefined;
}

function inBrackets(word: string | undefined): string {
  return word === undefined ? '' : ` (${word})`;
}

/** The first code in the chain of causes that is a word, such as ECONNREFUSED or OOM. */
export function codeOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && /^[\w-]{1,64}$/.test(cause.code)) return cause.code;
  }
  return undefined;
}
