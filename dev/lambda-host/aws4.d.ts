/** As much of it as is used here: it comes without types, and as CommonJS that Node finds no names in. */
declare module 'aws4' {
  const aws4: {
    sign(
      request: {
        host: string;
        method: string;
        path: string;
        service: string;
        region: string;
        headers: Record<string, string>;
        body: Buffer;
        extraHeadersToIgnore: Record<string, boolean>;
      },
      credentials: { accessKeyId: string; secretAccessKey: string },
    ): { headers: Record<string, string> };
  };
  export default aws4;
}
