import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import { between, url } from '../gateway.mjs';
import { ask, BOUNCES, month } from './built/src/month.js';

test('A generated TypeScript client pages through a month of bounces', async () => {
  const { start, end } = between(31, 1).between;
  const { bounces, total } = await month({ url }, start, end);
  assert.ok(bounces.length > 500, `the demo data has several pages a month, got ${bounces.length} bounces`);
  assert.equal(bounces.length, total);
  assert.equal(new Set(bounces.map((b) => b.id)).size, total, 'each once');
  const times = bounces.map((b) => Date.parse(b.bouncedAt));
  assert.deepEqual(times, [...times].sort((a, b) => a - b), 'oldest first');
  assert.ok(bounces.every((b) => b.sender.address?.includes('@')));
});

test('and gets an error for a wrong argument', async () => {
  const wrong = ask({ url }, BOUNCES, { window: between(2, 1), filter: { category: 'bad-mailbx' } });
  await assert.rejects(wrong, /BAD_USER_INPUT.*bad-mailbox/);
});

test('and sends its key, and retries what is retryable', async (t) => {
  const keys = [];
  const error = (code, retryable) => ({ message: 'no', extensions: { code, retryable, retryAfterMs: 1 } });
  const page = { totalCount: 0, nodes: [], pageInfo: { hasNextPage: false, endCursor: null } };
  const answers = [
    [429, { errors: [error('RATE_LIMITED', true)] }],
    [200, { errors: [error('UPSTREAM_UNAVAILABLE', true)], data: { bounces: null } }],
    [200, { data: { bounces: page } }],
    [401, { errors: [error('UNAUTHENTICATED', false)] }],
  ];
  const server = http.createServer((request, response) => {
    keys.push(request.headers.authorization);
    const [status, answer] = answers.shift();
    response.writeHead(status, { 'Content-Type': 'application/graphql-response+json' }).end(JSON.stringify(answer));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const gateway = { url: `http://127.0.0.1:${server.address().port}/graphql`, key: 'secret' };

  assert.deepEqual(await month(gateway, '2026-11-01', '2026-12-01'), { bounces: [], total: 0 });
  await assert.rejects(month(gateway, '2026-11-01', '2026-12-01'), /UNAUTHENTICATED/);
  assert.deepEqual(keys, Array(4).fill('Bearer secret'));
});
