import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: '../../published/schema.graphql',
  documents: 'src/*.ts',
  emitLegacyCommonJSImports: false, // Node.js wants the .js in imports
  generates: {
    './generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        // All that a schema cannot say of its own scalars.
        scalars: { DateTime: 'string', Duration: 'string', Long: 'number' },
        strictScalars: true,
      },
    },
  },
};
export default config;
