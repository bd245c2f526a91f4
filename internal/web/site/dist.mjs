// Writes the folder dist of a page, as package site serves it: one script, one stylesheet, the icon, the licences of
// what is bundled, and the hash of the sources, by which a Go test notices a dist that is older than its sources.
// The output is a function of the sources and package-lock.json: building twice gives the same bytes.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

// settings are esbuild's options that all pages share.
export const settings = {
  write: false,
  metafile: true,
  bundle: true,
  format: 'iife',
  target: ['chrome111', 'firefox113', 'safari16.4'],
  minify: true,
  legalComments: 'none', // kept in third-party-notices.txt
  logLevel: 'warning',
};

// writeDist writes the dist beside the folder web from esbuild's result. licencesOf names packages whose licence is
// found with another package.
export function writeDist(web, result, { page, icon, licencesOf = {} }) {
  const dist = join(web, '..', 'dist');
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  for (const file of result.outputFiles) {
    writeAsset(dist, 'app', file.path.endsWith('.css') ? 'css' : 'js', Buffer.from(file.contents));
  }
  writeAsset(dist, 'icon', 'svg', readFileSync(icon));
  const software = notices(web, Object.keys(result.metafile.inputs), licencesOf);
  const intro = `The ${page} page contains the following software.`;
  writeFileSync(join(dist, 'third-party-notices.txt'), `${intro}\n\n${software}`);
  writeFileSync(join(dist, 'SOURCE_HASH'), sourceHash(web) + '\n');
}

// writeAsset names a file by its content, so that browsers may keep it for ever, and stores it compressed only: the Go
// side unpacks it for the rare client that does not take gzip.
function writeAsset(dist, name, extension, content) {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const packed = gzipSync(content, { level: 9 });
  writeFileSync(join(dist, `${name}-${hash}.${extension}.gz`), packed);
  console.log(`${name}-${hash}.${extension}  ${content.length} bytes, ${packed.length} compressed`);
}

// notices lists every package that has code in the bundle, with the text of its licence.
function notices(web, inputs, licencesOf) {
  const folders = new Set();
  for (const input of inputs) {
    const found = input.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/);
    if (found) folders.add(found[0]);
  }
  const parts = [...folders].map((folder) => {
    const about = JSON.parse(readFileSync(join(web, folder, 'package.json'), 'utf8'));
    const from = licencesOf[about.name] ? `node_modules/${licencesOf[about.name]}` : folder;
    return { title: `${about.name} ${about.version} (${about.license})`, text: licence(join(web, from), about) };
  });
  parts.sort((a, b) => (a.title < b.title ? -1 : 1));
  const line = '='.repeat(80);
  return parts.map((p) => `${line}\n${p.title}\n${line}\n\n${p.text}\n`).join('\n');
}

function licence(folder, about) {
  const files = readdirSync(folder).filter((f) => /^(licen[cs]e|copying)/i.test(f));
  if (files.length > 0) return readFileSync(join(folder, files[0]), 'utf8').trim();
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

// sourceHash is over the path and content of every file of the folder web, in the order of their paths, and over this
// file. The Go test computes the same.
function sourceHash(web) {
  const hash = createHash('sha256');
  const sum = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');
  const files = list(web).map((f) => relative(web, f).split(sep).join('/')).sort();
  for (const file of files) hash.update(`${sum(join(web, file))}  ${file}\n`);
  hash.update(`${sum(fileURLToPath(import.meta.url))}  dist.mjs\n`);
  return hash.digest('hex');
}

function list(folder) {
  return readdirSync(folder).filter((name) => name !== 'node_modules').flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? list(path) : [path];
  });
}
