import { Client, fetchExchange, gql } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { between, recorder, url } from '../gateway.mjs';

const SENT = (name) => gql`query ${name}($window: Window!) { stats(window: $window) { sent } }`;

test('urql shows rows first and what is deferred as it arrives', async () => {
  const urql = new Client({ url, preferGetMethod: false, exchanges: [fetchExchange] });
  const query = gql`
    query Deferred($window: Window!) {
      bounces(window: $window, first: 10) {
        nodes {
          id
          recipient
          ... @defer {
            detail {
              diagnosticCode
            }
          }
        }
      }
    }
  `;
  const shown = [];
  await new Promise((resolve, reject) =>
    urql.query(query, { window: between(8, 1) }).subscribe((r) => {
      if (r.error) return reject(r.error);
      shown.push(structuredClone(r.data.bounces.nodes));
      if (!r.hasNext) resolve();
    }),
  );
  assert.ok(shown[0].every((n) => n.recipient) && shown[0].some((n) => !n.detail), 'the rows come before their details');
  assert.ok(shown.at(-1).length === 10 && shown.at(-1).every((n) => n.detail.diagnosticCode), 'and all of them come');
});

for (const preferGetForPersistedQueries of [false, true]) {
  test(`urql's persistedExchange sends a text once${preferGetForPersistedQueries ? ', and its hash by GET' : ''}`, async () => {
    const { fetch, bodies } = recorder();
    const exchanges = [persistedExchange({ preferGetForPersistedQueries }), fetchExchange];
    const urql = new Client({ url, preferGetMethod: false, fetch, exchanges });
    const query = SENT(`Named_${randomUUID().replaceAll('-', '')}`); // which the gateway has not seen
    for (const window of [between(8, 1), between(3, 1)]) {
      const { data, error } = await urql.query(query, { window });
      assert.equal(error, undefined);
      assert.ok(data.stats.sent > 0);
    }
    assert.deepEqual(bodies.map((b) => !!b.query), [false, true, false]);
  });
}

test('urql asks for a registered document by its id', async () => {
  const { fetch, bodies } = recorder();
  const urql = new Client({ url, preferGetMethod: false, fetch, exchanges: [fetchExchange] });
  process.env.NODE_ENV = 'production'; // as bundlers set it: else urql wants to see the text
  const week = { kind: 'Document', definitions: [], documentId: 'week' };
  const { data, error } = await urql.query(week, { window: between(8, 1) });
  assert.equal(error, undefined);
  assert.ok(data.stats.sent > 0);
  assert.deepEqual(bodies.map((b) => [b.documentId, !!b.query]), [['week', false]]);
});
