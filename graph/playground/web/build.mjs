// Builds ../dist from this folder: one script, one stylesheet, the icon, the licences of what is bundled, and the
// hash of the sources, by which a Go test notices a dist that is older than its sources.
//
//   npm ci && npm run build
//
// The output is a function of the sources and package-lock.json: building twice gives the same bytes.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const web = dirname(fileURLToPath(import.meta.url));
const dist = join(web, '..', 'dist');

// Some packages leave their licence file out. Those from a repository with other packages here have theirs; the rest
// state MIT and an author.
const sameRepository = {
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
  absWorkingDir: web,
  entryPoints: { app: 'src/app.jsx' },
  outdir: dist,
  write: false,
  metafile: true,
  bundle: true,
  format: 'iife',
  target: ['chrome111', 'firefox113', 'safari16.4'],
  jsx: 'automatic',
  minify: true,
  legalComments: 'none', // kept in third-party-notices.txt
  define: { 'process.env.NODE_ENV': '"production"' },
  plugins: [withoutFonts],
  logLevel: 'warning',
});

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

for (const file of result.outputFiles) {
  writeAsset('app', file.path.endsWith('.css') ? 'css' : 'js', Buffer.from(file.contents));
}
writeAsset('icon', 'svg', readFileSync(join(web, 'icon.svg')));
writeFileSync(join(dist, 'third-party-notices.txt'), notices(Object.keys(result.metafile.inputs)));
writeFileSync(join(dist, 'SOURCE_HASH'), sourceHash() + '\n');

// writeAsset names a file by its content, so that browsers may keep it for ever, and stores it compressed only: the Go
// side unpacks it for the rare client that does not take gzip.
function writeAsset(name, extension, content) {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const packed = gzipSync(content, { level: 9 });
  writeFileSync(join(dist, `${name}-${hash}.${extension}.gz`), packed);
  console.log(`${name}-${hash}.${extension}  ${content.length} bytes, ${packed.length} compressed`);
}

// notices lists every package that has code in the bundle, with the text of its licence.
function notices(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const found = input.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/);
    if (found) folders.add(found[0]);
  }
  const parts = [...folders].map((folder) => {
    const about = JSON.parse(readFileSync(join(web, folder, 'package.json'), 'utf8'));
    return { title: `${about.name} ${about.version} (${about.license})`, text: licence(folder, about) };
  });
  parts.sort((a, b) => (a.title < b.title ? -1 : 1));
  const line = '='.repeat(80);
  return (
    'The playground page contains the following software.\n\n' +
    parts.map((p) => `${line}\n${p.title}\n${line}\n\n${p.text}\n`).join('\n')
  );
}

function licence(folder, about) {
  const from = sameRepository[about.name] ? `node_modules/${sameRepository[about.name]}` : folder;
  const files = readdirSync(join(web, from)).filter((f) => /^(licen[cs]e|copying)/i.test(f));
  if (files.length > 0) return readFileSync(join(web, from, files[0]), 'utf8').trim();
  if (about.license === 'MIT' && typeof about.author === 'string') return mit(about.author);
  throw new Error(`${about.name} has no licence file: say in build.mjs where its licence is`);
}

function mit(author) {
  const holder = author.replace(/\s*[<(].*$/, '');
  return `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
}

// sourceHash is over the path and content of every file of this folder, in the order of their paths. The Go test
// computes the same.
function sourceHash() {
  const hash = createHash('sha256');
  const files = list(web).map((f) => relative(web, f).split(sep).join('/')).sort();
  for (const file of files) {
    const content = createHash('sha256').update(readFileSync(join(web, file))).digest('hex');
    hash.update(`${content}  ${file}\n`);
  }
  return hash.digest('hex');
}

function list(folder) {
  return readdirSync(folder).filter((name) => name !== 'node_modules').flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? list(path) : [path];
  });
}
