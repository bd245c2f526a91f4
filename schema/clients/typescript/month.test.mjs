import assert from 'node:assert/strict';
import test from 'node:test';
import { between, url } from '../gateway.mjs';
import { ask, BOUNCES, month } from './built/src/month.js';

test('A generated TypeScript client pages through a month of bounces', async () => {
  const { start, end } = between(31, 1).between;
  const { bounces, total } = await month(url, start, end);
  assert.ok(bounces.length > 500, `the demo data has several pages a month, got ${bounces.length} bounces`);
  assert.equal(bounces.length, total);
  assert.equal(new Set(bounces.map((b) => b.id)).size, total, 'each once');
  const times = bounces.map((b) => Date.parse(b.bouncedAt));
  assert.deepEqual(times, [...times].sort((a, b) => a - b), 'oldest first');
  assert.ok(bounces.every((b) => b.sender.address?.includes('@')));
});

test('and is told what it asked wrongly', async () => {
  await assert.rejects(ask(url, BOUNCES, { window: between(2, 1), filter: { category: 'bad-mailbx' } }), /BAD_USER_INPUT.*bad-mailbox/);
});
