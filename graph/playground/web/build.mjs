// Builds ../dist from this folder:
//
//   npm ci && npm run build

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { settings, writeDist } from '../../../internal/web/site/dist.mjs';

const web = dirname(fileURLToPath(import.meta.url));

// Some packages leave their licence file out. Those from a repository with other packages here have theirs; the rest
// state MIT and an author.
const licencesOf = {
  'react-compiler-runtime': 'react',
  '@graphiql/plugin-doc-explorer': 'graphiql',
  '@graphiql/plugin-explorer': 'graphiql',
  '@graphiql/plugin-history': 'graphiql',
};

// GraphiQL's stylesheet carries 340 KB of fonts as data URLs. The page uses the system's fonts.
const withoutFonts = {
  name: 'without-fonts',
  setup(b) {
    b.onLoad({ filter: /graphiql[/\\]dist[/\\]style\.css$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/@font-face\s*{[^}]*}/g, ''),
      loader: 'css',
    }));
  },
};

const result = await build({
  ...settings,
  absWorkingDir: web,
  entryPoints: { app: 'src/app.jsx' },
  outdir: join(web, '..', 'dist'),
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  plugins: [withoutFonts],
});
writeDist(web, result, { page: 'playground', icon: join(web, 'icon.svg'), licencesOf });
