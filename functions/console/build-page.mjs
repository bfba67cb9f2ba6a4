import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const PAGE = join(dirname(fileURLToPath(import.meta.url)), 'page');
const STYLE_TAG = '<link rel="stylesheet" href="style.css">';
const SCRIPT_TAG = '<script type="module" src="main.ts"></script>';
/** What the browsers of the last three years run as it is. */
const BROWSERS = ['chrome120', 'firefox120', 'safari17'];

/**
 * The page as one text with its script and style in it, and the headers that it is served with: its policy allows these
 * two by their hashes, requests to its own host, and nothing else.
 * @returns {Promise<{ html: string, headers: Record<string, string> }>}
 */
export async function buildPage() {
  const [source, style, script] = await Promise.all([
    readFile(join(PAGE, 'index.html'), 'utf8'),
    bundle('style.css'),
    bundle('main.ts'),
  ]);
  const withStyle = replaceTag(source, STYLE_TAG, `<style>${style}</style>`);
  const html = replaceTag(withStyle, SCRIPT_TAG, `<script type="module">${script}</script>`);
  return { html, headers: headersFor(script, style) };
}

/**
 * Gives whoever imports the page what buildPage() makes.
 * @returns {esbuild.Plugin}
 */
export function consolePage() {
  return {
    name: 'console-page',
    setup(build) {
      build.onLoad({ filter: /console[\\/]page[\\/]index\.html$/ }, async () => ({
        contents: JSON.stringify(await buildPage()),
        loader: 'json',
      }));
    },
  };
}

/** @param {string} file */
async function bundle(file) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(PAGE, file)],
    absWorkingDir: PAGE,
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: BROWSERS,
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
  });
  return outputFiles[0]?.text.trim() ?? '';
}

/** @param {string} html @param {string} tag @param {string} inlined */
function replaceTag(html, tag, inlined) {
  if (!html.includes(tag)) throw new Error(`The console's index.html has no ${tag}`);
  return html.replace(tag, () => inlined);
}

/** @param {string} script @param {string} style */
function headersFor(script, style) {
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-cache',
  };
}

/** @param {string} text */
function hashOf(text) {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
