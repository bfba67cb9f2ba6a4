import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import aws4 from 'aws4';

/** The one caller that IAM knows. */
export interface IamKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** As AWS has it for function URLs. */
const WINDOW_MS = 5 * 60_000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/lambda\/aws4_request, SignedHeaders=([-;a-z0-9]+), Signature=[0-9a-f]{64}$/;

/**
 * Why AWS would refuse a request with this signature (version 4), in its words or nearly so; undefined where it would
 * not. Computed by another implementation than the relay's: both would have to be wrong alike.
 */
export function signatureProblem(
  request: IncomingMessage,
  body: Buffer,
  keys: IamKeys,
  nowMs: number,
): string | undefined {
  const { authorization = '', host = '', ...others } = request.headers;
  const [matched, accessKeyId, region = '', list = ''] = AUTHORIZATION.exec(authorization) ?? [];
  if (matched === undefined) return 'Forbidden';
  if (accessKeyId !== keys.accessKeyId) return 'The security token included in the request is invalid.';

  const date = String(others['x-amz-date']);
  const signedAtMs = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (Number.isNaN(signedAtMs)) return 'Date must be in ISO-8601 format.';
  if (nowMs - signedAtMs > WINDOW_MS) return `Signature expired: ${date} is now earlier than 5 min. ago.`;
  if (signedAtMs - nowMs > WINDOW_MS) return `Signature not yet current: ${date} is still later than in 5 min.`;

  const signed = list.split(';');
  const mustBeSigned = ['host', ...Object.keys(others).filter((name) => name.startsWith('x-amz-'))];
  if (!mustBeSigned.every((name) => signed.includes(name))) return 'Host and X-Amz-... headers must be signed.';

  const hash = others['x-amz-content-sha256'];
  const headers = Object.fromEntries(signed.map((name) => [name, String(request.headers[name])]));
  const unsigned = Object.fromEntries(['content-type', 'content-length'].map((name) => [name, !signed.includes(name)]));
  const { method = '', url: path = '' } = request;
  const ours = aws4.sign(
    { host, method, path, service: 'lambda', region, headers, body, extraHeadersToIgnore: unsigned },
    keys,
  );
  const bodyFits = hash === undefined || hash === createHash('sha256').update(body).digest('hex');
  if (bodyFits && isSame(ours.headers['Authorization'] ?? '', authorization)) return undefined;
  return 'The request signature we calculated does not match the signature you provided.';
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
