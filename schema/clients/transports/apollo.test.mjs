import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { Defer20220824Handler } from '@apollo/client/incremental';
import { BatchHttpLink } from '@apollo/client/link/batch-http';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import test from 'node:test';
import { between, recorder, registered, url } from '../gateway.mjs';

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const client = (link, options) => new ApolloClient({ link, cache: new InMemoryCache(), ...options });
const SENT = (name) => gql`query ${name}($window: Window!) { stats(window: $window) { sent } }`;

test("Apollo Client's BatchHttpLink sends several operations at once, and each has its own answer", async () => {
  const { fetch, bodies } = recorder();
  const apollo = client(new BatchHttpLink({ uri: url, batchMax: 10, batchInterval: 20, fetch }));
  const ask = (window) => apollo.query({ query: SENT('Sent'), variables: { window }, errorPolicy: 'all' });
  const [week, wrong, month] = await Promise.all([ask(between(8, 1)), ask({ last: 'a week' }), ask(between(31, 1))]);
  assert.deepEqual(bodies.map((b) => b.length), [3]);
  assert.ok(week.data.stats.sent > 0 && month.data.stats.sent > week.data.stats.sent);
  assert.equal(wrong.error.errors[0].extensions.code, 'BAD_USER_INPUT');
});

test('Apollo Client shows rows first and what is deferred as it arrives', async () => {
  const apollo = client(new HttpLink({ uri: url }), { incrementalHandler: new Defer20220824Handler() });
  const query = gql`
    query Deferred($window: Window!) {
      bounces(window: $window, first: 100) {
        nodes {
          id
          recipient
          ... @defer(label: "details") {
            detail {
              diagnosticCode
            }
          }
          ... @defer {
            sender {
              address
            }
          }
        }
      }
    }
  `;
  const shown = [];
  await new Promise((resolve, reject) =>
    apollo.watchQuery({ query, variables: { window: between(31, 1) } }).subscribe({
      next: (r) => {
        if (r.error) reject(r.error);
        if (r.data) shown.push(structuredClone({ state: r.dataState, nodes: r.data.bounces.nodes }));
        if (r.dataState === 'complete') resolve();
      },
      error: reject,
    }),
  );
  assert.equal(shown[0].state, 'streaming');
  assert.ok(shown[0].nodes.length === 100 && shown[0].nodes.every((n) => n.recipient));
  assert.ok(shown[0].nodes.some((n) => n.detail === undefined), 'the rows come before their details');
  assert.ok(shown.at(-1).nodes.every((n) => n.detail.diagnosticCode && n.sender.address), 'and all of them come');
});

for (const useGETForHashedQueries of [false, true]) {
  test(`Apollo Client's PersistedQueryLink sends a text once${useGETForHashedQueries ? ', and its hash by GET' : ''}`, async () => {
    const { fetch, bodies } = recorder();
    const query = SENT(`Named_${randomUUID().replaceAll('-', '')}`); // which the gateway has not seen
    const apollo = client(ApolloLink.from([new PersistedQueryLink({ sha256, useGETForHashedQueries }), new HttpLink({ uri: url, fetch })]));
    for (const window of [between(8, 1), between(3, 1)]) {
      const { data } = await apollo.query({ query, variables: { window } });
      assert.ok(data.stats.sent > 0);
    }
    assert.deepEqual(bodies.map((b) => !!b.query), [false, true, false]);
  });
}

test('Apollo Client asks for a registered document by its hash alone', async () => {
  const { fetch, bodies } = recorder();
  const apollo = client(ApolloLink.from([new PersistedQueryLink({ sha256 }), new HttpLink({ uri: url, fetch })]));
  const { data } = await apollo.query({ query: gql(registered), variables: { window: between(8, 1) } });
  assert.ok(data.stats.sent > 0);
  assert.deepEqual(bodies.map((b) => !!b.query), [false]);
});
