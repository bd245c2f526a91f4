import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// Gateways of a test's own, for what the shared one cannot show: keys, and a stop. DELIVERYGRAPH_BINARY names the
// program; without it the one of this checkout is built.
export const folder = mkdtempSync(join(tmpdir(), 'deliverygraph-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const binary = process.env.DELIVERYGRAPH_BINARY ?? join(folder, 'deliverygraph');
if (!process.env.DELIVERYGRAPH_BINARY) {
  const root = new URL('../..', import.meta.url).pathname;
  const built = spawnSync('go', ['build', '-o', binary, '.'], { cwd: root, stdio: 'inherit' });
  if (built.status !== 0) throw new Error('the gateway does not build');
}

export const command = (...args) => spawnSync(binary, args, { encoding: 'utf8' }).stdout;

// start serves demo data until the test has ended, and gives the URL and what stops it before.
export async function start(t, ...args) {
  const gateway = spawn(binary, ['--listen', '127.0.0.1:0', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  t.after(() => gateway.kill('SIGKILL'));
  const exited = new Promise((done) => gateway.on('exit', done));
  const lines = createInterface({ input: gateway.stderr });
  const url = await new Promise((ready, failed) => {
    const log = [];
    lines.on('line', (line) => {
      log.push(line);
      const found = /msg=ready graphql=(\S+)/.exec(line);
      if (found) ready(found[1]);
    });
    exited.then((code) => failed(new Error(`the gateway ended with ${code}:\n${log.join('\n')}`)));
  });
  return {
    url,
    stop() {
      gateway.kill('SIGTERM');
      return exited;
    },
  };
}
