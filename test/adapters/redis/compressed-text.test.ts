import { deflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { compressedText } from '../../../lib/adapters/redis/compressed-text.ts';

it.each(['', 'a', '{"ж":"\u{1f600}\u0000"}', 'x'.repeat(100_000)])('gives the same text again: %.20s', async (text) => {
  expect(await compressedText.decode(await compressedText.encode(text))).toBe(text);
});

it('makes what repeats itself short', async () => {
  expect((await compressedText.encode('10.0.0.1 '.repeat(10_000))).length).toBeLessThan(1000);
});

it.each(['not compressed', '{"atMs":1}', 'AAAA'])('rejects what it has not made: %s', async (text) => {
  await expect(compressedText.decode(text)).rejects.toThrow();
});

it('rejects what would fill the memory', async () => {
  const bomb = deflateRawSync(Buffer.alloc(33 * 1024 * 1024)).toString('base64');

  await expect(compressedText.decode(bomb)).rejects.toThrow();
});
