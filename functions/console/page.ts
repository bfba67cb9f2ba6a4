import built from './page/index.html';

/**
 * The console: one text with its script and style in it, made by build-page.mjs, and the headers that it is served
 * with. Nothing runs in it that was not there at the build, and it talks to nobody but the door that served it.
 */
export const page: { readonly html: string; readonly headers: Readonly<Record<string, string>> } = built;
