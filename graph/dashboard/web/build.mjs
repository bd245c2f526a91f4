// Builds ../dist from this folder:
//
//   npm ci && npm run build

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { settings, writeDist } from '../../../internal/web/site/dist.mjs';

const web = dirname(fileURLToPath(import.meta.url));

const result = await build({
  ...settings,
  absWorkingDir: web,
  entryPoints: { app: 'src/app.js' },
  outdir: join(web, '..', 'dist'),
});
writeDist(web, result, { page: 'dashboard', icon: join(web, '../../playground/web/icon.svg') });
