import type { TextCodec } from '../../app/saved-list.ts';

/** Far above any list of ours: what somebody else put there must not fill the memory. */
const MAX_DECODED_BYTES = 32 * 1024 * 1024;

/** Deflated and in base64, as Redis behind a REST API takes text only. Both run beside the event loop. */
export const compressedText: TextCodec = {
  encode: (text) =>
    new Promise((resolve, reject) => {
      zlib().deflateRaw(text, (error, bytes) => (error ? reject(error) : resolve(bytes.toString('base64'))));
    }),
  decode: (encoded) =>
    new Promise((resolve, reject) => {
      const bytes = Buffer.from(encoded, 'base64');
      zlib().inflateRaw(bytes, { maxOutputLength: MAX_DECODED_BYTES }, (error, text) =>
        error ? reject(error) : resolve(text.toString('utf8')),
      );
    }),
};

/** Not imported: a cold start has no use for it. */
function zlib() {
  return process.getBuiltinModule('node:zlib');
}
