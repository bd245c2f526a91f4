// A list that Relay pages through by itself, as usePaginationFragment would: the connection, the refetchable fragment
// and the node interface are all that Relay asks of a schema.
import { graphql } from 'relay-runtime';

export const page = graphql`
  query bouncesPageQuery($window: Window!, $count: Int!) {
    ...bouncesList @arguments(count: $count, window: $window)
  }
`;

export const list = graphql`
  fragment bouncesList on Query
  @refetchable(queryName: "bouncesNextPageQuery")
  @argumentDefinitions(window: { type: "Window!" }, count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    bounces(window: $window, first: $count, after: $cursor) @connection(key: "bouncesList_bounces") {
      totalCount
      edges {
        node {
          id
          bouncedAt
          sender {
            id
            address
          }
        }
      }
    }
  }
`;

export const one = graphql`
  query bouncesOneQuery($id: ID!) {
    node(id: $id) {
      __typename
      ... on Bounce {
        id
        emailId
      }
    }
  }
`;

// Deferred as in the specification's draft: Relay's compiler takes @defer only if the schema has it.
export const deferred = graphql`
  query bouncesDeferredQuery($window: Window!) {
    bounces(window: $window, first: 20) {
      nodes {
        id
        ...bouncesDetail @defer(label: "detail")
      }
    }
  }
`;

export const detail = graphql`
  fragment bouncesDetail on Bounce {
    detail {
      ruleName
    }
  }
`;
