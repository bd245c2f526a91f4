import { ApolloClient, InMemoryCache, gql } from '@apollo/client';
import { BatchHttpLink } from '@apollo/client/link/batch-http';
import assert from 'node:assert/strict';
import test from 'node:test';
import { between, url } from '../gateway.mjs';

test("Apollo Client's BatchHttpLink sends several operations at once, and each has its own answer", async () => {
  const sent = [];
  const counted = (to, init) => sent.push(JSON.parse(init.body).length) && fetch(to, init);
  const apollo = new ApolloClient({
    link: new BatchHttpLink({ uri: url, batchMax: 10, batchInterval: 20, fetch: counted }),
    cache: new InMemoryCache(),
  });
  const ask = (last) =>
    apollo.query({
      query: gql`
        query Sent($window: Window!) {
          stats(window: $window) {
            sent
          }
        }
      `,
      variables: { window: last },
      errorPolicy: 'all',
    });
  const [week, wrong, month] = await Promise.all([ask(between(8, 1)), ask({ last: 'a week' }), ask(between(31, 1))]);
  assert.deepEqual(sent, [3]);
  assert.ok(week.data.stats.sent > 0 && month.data.stats.sent > week.data.stats.sent);
  assert.equal(wrong.error.errors[0].extensions.code, 'BAD_USER_INPUT');
});
