import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { buildPage } from '../../../functions/console/build-page.mjs';

const { html, headers } = await buildPage();
const policy = new Map(
  (headers['content-security-policy'] ?? '').split('; ').map((part) => {
    const [name = '', ...values] = part.split(' ');
    return [name, values.join(' ')];
  }),
);

it('allows its own script and style by their hashes, requests to its own host, and nothing else', () => {
  const hashOf = (tag: string) => {
    const inlined = new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`).exec(html)?.[1] ?? '';
    expect(inlined.length).toBeGreaterThan(1000);
    return `'sha256-${createHash('sha256').update(inlined).digest('base64')}'`;
  };

  expect(Object.fromEntries(policy)).toEqual({
    'default-src': "'none'",
    'script-src': hashOf('script'),
    'style-src': hashOf('style'),
    'connect-src': "'self'",
    'img-src': 'data:',
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
    'require-trusted-types-for': "'script'",
    'trusted-types': "'none'",
  });
});

it('has one script and one style, both in it, and names no other place', () => {
  expect(html.match(/<script/g)).toHaveLength(1);
  expect(html.match(/<style/g)).toHaveLength(1);
  expect(html).not.toMatch(/<link[^>]*stylesheet|<script[^>]*src=|\sstyle=|\son\w+="|@import/);
  // Names of formats, not addresses that anybody asks.
  const places = html.replaceAll('http://www.w3.org/2000/svg', '').match(/https?:\/\/[^\s"'`)]+/g);
  expect(places).toBeNull();
});

it('is small, the same at every build, and always asked for anew', async () => {
  expect(Buffer.byteLength(html)).toBeLessThan(64_000);
  expect(await buildPage()).toEqual({ html, headers });
  expect(headers).toMatchObject({
    'cache-control': 'no-cache',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
});
