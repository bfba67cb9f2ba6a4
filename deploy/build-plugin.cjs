/** Builds the bundles before the Serverless Framework zips them: what is deployed is what is in the working tree. */
module.exports = class BuildPlugin {
  hooks = {
    'before:package:initialize': async () => {
      const { build } = await import('../esbuild.config.mjs');
      await build();
    },
  };
};
