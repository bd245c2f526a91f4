// A partner's program: it reads a month of bounces, page by page, with types that graphql-codegen made of the schema.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { graphql } from '../generated/gql.js';
import type { BouncesOfMonthQuery } from '../generated/graphql.js';

export const BOUNCES = graphql(`
  query BouncesOfMonth($window: Window!, $filter: BounceFilter, $after: String) {
    bounces(window: $window, filter: $filter, first: 500, after: $after) {
      totalCount
      nodes {
        id
        bouncedAt
        recipient
        type
        category
        postbackAt
        sender {
          address
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Bounce = NonNullable<BouncesOfMonthQuery['bounces']>['nodes'][number];

// An answer has data, errors, or both: what failed is null, and its error names it by path.
interface Answer<T> {
  data?: T | null;
  errors?: { message: string; path?: (string | number)[]; extensions: { code: string; retryable: boolean; retryAfterMs?: number } }[];
}

export async function ask<T, V>(url: string, document: TypedDocumentNode<T, V>, variables: V): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json' },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const answer = (await response.json()) as Answer<T>;
  if (answer.errors || !answer.data) {
    throw new Error(answer.errors?.map((e) => `${e.extensions.code}: ${e.message}`).join('; ') ?? `HTTP ${response.status}`);
  }
  return answer.data;
}

export async function month(url: string, start: string, end: string): Promise<{ bounces: Bounce[]; total: number | null }> {
  const bounces: Bounce[] = [];
  let total: number | null = null;
  for (let after: string | null = null; ; ) {
    const { bounces: page }: BouncesOfMonthQuery = await ask(url, BOUNCES, { window: { between: { start, end } }, after });
    if (!page) throw new Error('an answer without errors has its page');
    bounces.push(...page.nodes);
    total = page.totalCount ?? null;
    if (!page.pageInfo.hasNextPage) return { bounces, total };
    after = page.pageInfo.endCursor ?? null;
  }
}
