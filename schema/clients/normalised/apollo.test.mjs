import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import assert from 'node:assert/strict';
import test from 'node:test';
import { between, url } from '../gateway.mjs';

// What the README's chapter for frontends says to set: nothing but the arguments that tell lists apart, and that stats
// have no id of their own.
const cache = () =>
  new InMemoryCache({
    possibleTypes: { Node: ['User', 'Sender', 'Bounce', 'Email', 'BlockedEmail'] },
    typePolicies: {
      Query: { fields: { bounces: relayStylePagination(['window', 'filter']) } },
      Stats: { merge: true },
    },
  });
const client = () => new ApolloClient({ link: new HttpLink({ uri: url }), cache: cache() });

const LIST = gql`
  query Bounces($window: Window!, $after: String) {
    bounces(window: $window, first: 20, after: $after) {
      edges {
        cursor
        node {
          id
          recipient
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

test("Apollo Client's relayStylePagination joins pages", async () => {
  const apollo = client();
  const variables = { window: between(8, 1) };
  const list = apollo.watchQuery({ query: LIST, variables });
  const first = await new Promise((resolve) => list.subscribe((result) => result.loading || resolve(result.data.bounces)));
  assert.equal(first.edges.length, 20);
  await list.fetchMore({ variables: { after: first.pageInfo.endCursor } });
  const { bounces } = apollo.readQuery({ query: LIST, variables });
  assert.equal(bounces.edges.length, 40);
  assert.equal(new Set(bounces.edges.map((e) => e.node.id)).size, 40);
});

test('Apollo Client keeps stats of different windows and fields apart', async () => {
  const apollo = client();
  const week = between(8, 1);
  const ask = (fields, window) =>
    apollo.query({
      query: gql`query($w: Window!, $s: Window!) { senders(window: $w, first: 1) { nodes { id stats(window: $s) { ${fields} } } } }`,
      variables: { w: week, s: window },
    });
  await ask('sent', week);
  await ask('bounced', week);
  await ask('sent', between(3, 1));
  const [sender] = Object.values(apollo.cache.extract()).filter((o) => o.__typename === 'Sender');
  const kept = Object.entries(sender).filter(([key]) => key.startsWith('stats'));
  assert.equal(kept.length, 2, 'one for each window');
  assert.ok(kept.some(([, s]) => 'sent' in s && 'bounced' in s), 'and both fields in the one of the week');
});
