// What esbuild makes of the page, see build-page.mjs.
declare module '*/page/index.html' {
  const built: { readonly html: string; readonly headers: Readonly<Record<string, string>> };
  export default built;
}
