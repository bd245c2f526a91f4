/* eslint-disable */
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
export type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
export type MakeOptional<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]?: Maybe<T[SubKey]> };
export type MakeMaybe<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]: Maybe<T[SubKey]> };
export type MakeEmpty<T extends { [key: string]: unknown }, K extends keyof T> = { [_ in K]?: never };
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A moment. Given out as RFC 3339 in UTC to the second, such as "2026-11-22T09:30:00Z"; taken as RFC 3339 with any offset, or as a number of Unix seconds. */
  DateTime: { input: string; output: string; }
  /** A length of time as ISO 8601 writes it, such as "PT6H" (6 hours), "P7D" (7 days), "P4W", "P3M" (3 months of the calendar) or "P1DT12H". More than nothing, at most 100 years. */
  Duration: { input: string; output: string; }
  /** A whole number of 64 bits, as a JSON number. */
  Long: { input: number; output: number; }
};

/** An email that was not sent, since its recipient is suppressed. */
export type BlockedEmail = Node & {
  __typename?: 'BlockedEmail';
  /** The domain of the recipient's address. */
  domain: Scalars['String']['output'];
  /**
   * The email's id, which begins with the second it was processed in (UTC), such as "20161122000000.125874958762@mail6-40-ussnn1".
   * Unique together with the recipient.
   */
  emailId: Scalars['String']['output'];
  /** Opaque, and unique among all objects. */
  id: Scalars['ID']['output'];
  /** The part of the recipient's address before the @; of a pseudonym without the scope `recipients:read`. */
  localPart: Scalars['String']['output'];
  /** When the sender's own system was told; null where it was not. */
  postbackAt?: Maybe<Scalars['DateTime']['output']>;
  /** When the email was processed: what blocked emails are windowed and ordered by. */
  processedAt: Scalars['DateTime']['output'];
  /** Why the recipient is suppressed, such as "hardbounce": a code of `blockedReasons`, or one that is new. */
  reason: Scalars['String']['output'];
  /** The recipient's address. To callers without the scope `recipients:read` a pseudonym: "***", some letters, and the domain as it is. An address has one pseudonym. */
  recipient: Scalars['String']['output'];
  /** The sender that the email was sent as. Its address costs 1 upstream call for the whole page. */
  sender: Sender;
  /** The number of the sender (From address) that the email was sent as. */
  senderId: Scalars['ID']['output'];
  /** The user that sent the email. Costs no upstream call by itself. */
  user: User;
  /** The number of the user (account) that sent the email. */
  userId: Scalars['ID']['output'];
  /** The email's custom headers, in the order sent; null where it has none. Values with an address in them are "***" without the scope `recipients:read`. */
  xHeaders?: Maybe<Array<XHeader>>;
};

/** A page of blocked emails. */
export type BlockedEmailConnection = {
  __typename?: 'BlockedEmailConnection';
  /** The page's rows, each with its cursor. */
  edges: Array<BlockedEmailEdge>;
  /** The page's rows. */
  nodes: Array<BlockedEmail>;
  /** Where the page lies among all. */
  pageInfo: PageInfo;
  /** How many rows the whole connection has, exactly. Counted only when selected: 1 upstream call where the filter has none but user, sender number and type; otherwise a few more, growing with the logarithm of the count. */
  totalCount?: Maybe<Scalars['Long']['output']>;
};

/** One of the blocked emails on a page, and where it stands. */
export type BlockedEmailEdge = {
  __typename?: 'BlockedEmailEdge';
  /** Marks this row in its connection, for `after` and `before`. Only fit for the same filter and window. */
  cursor: Scalars['String']['output'];
  /** The row. */
  node: BlockedEmail;
};

/** Which blocked emails: all that is given must hold. */
export type BlockedEmailFilter = {
  /** Only to recipients at this domain, exactly. */
  domain?: InputMaybe<Scalars['String']['input']>;
  /** Only to recipients whose address has this part before the @, exactly. Needs the scope `recipients:read`. */
  localPart?: InputMaybe<Scalars['String']['input']>;
  /** Only blocked for this reason: a code of `blockedReasons`, such as "unsubscribe". */
  reason?: InputMaybe<Scalars['String']['input']>;
  /** Only to this recipient's address, exactly. Needs the scope `recipients:read`. */
  recipient?: InputMaybe<Scalars['String']['input']>;
  /** Only of this sender, by address, exactly. */
  sender?: InputMaybe<Scalars['String']['input']>;
  /** Only of this sender: a sender number, such as "17". */
  senderId?: InputMaybe<Scalars['ID']['input']>;
  /** Only of this user: a user number, such as "21". */
  userId?: InputMaybe<Scalars['ID']['input']>;
  /** Only emails that carry all of these custom headers; at most 4. Values with an address in them need the scope `recipients:read`. */
  xHeaders?: InputMaybe<Array<XHeaderInput>>;
};

/** A reason for which emails are blocked. The set is open: upstreams add to it. */
export type BlockedReason = {
  __typename?: 'BlockedReason';
  /** What blocked emails carry as their reason, such as "hardbounce". */
  code: Scalars['String']['output'];
  /** What it means; null where the code is not a documented one. */
  description?: Maybe<Scalars['String']['output']>;
};

/** An email that came back: its recipient's server refused it, or never took it. */
export type Bounce = Node & {
  __typename?: 'Bounce';
  /** When it bounced: what bounces are windowed and ordered by. */
  bouncedAt: Scalars['DateTime']['output'];
  /** What kind of failure it was, such as "bad-mailbox": a code of `bounceCategories`, or one that is new. */
  category: Scalars['String']['output'];
  /** The enhanced status code (RFC 3463), such as "5.1.1". */
  code: Scalars['String']['output'];
  /**
   * What the receiving server said, and the whole bounce message. Costs 1 upstream call a bounce, made only when one of its fields is
   * selected; where it fails, this field alone is null.
   */
  detail?: Maybe<BounceDetail>;
  /** The domain of the recipient's address. */
  domain: Scalars['String']['output'];
  /**
   * The email's id, which begins with the second it was processed in (UTC), such as "20161122000000.125874958762@mail6-40-ussnn1".
   * Unique together with the recipient.
   */
  emailId: Scalars['String']['output'];
  /** Opaque, and unique among all objects. */
  id: Scalars['ID']['output'];
  /** The part of the recipient's address before the @; of a pseudonym without the scope `recipients:read`. */
  localPart: Scalars['String']['output'];
  /** When the sender's own system was told of the bounce; null where it was not. */
  postbackAt?: Maybe<Scalars['DateTime']['output']>;
  /** When the email was processed. */
  processedAt: Scalars['DateTime']['output'];
  /** The recipient's address. To callers without the scope `recipients:read` a pseudonym: "***", some letters, and the domain as it is. An address has one pseudonym. */
  recipient: Scalars['String']['output'];
  /** The sender that the email was sent as. Its address costs 1 upstream call for the whole page. */
  sender: Sender;
  /** The number of the sender (From address) that the email was sent as. */
  senderId: Scalars['ID']['output'];
  /** Whether it failed for good. Follows the rule that matched, not the first digit of the code. */
  type: BounceType;
  /** The user that sent the email. Costs no upstream call by itself. */
  user: User;
  /** The number of the user (account) that sent the email. */
  userId: Scalars['ID']['output'];
  /** The email's custom headers, in the order sent; null where it has none. Values with an address in them are "***" without the scope `recipients:read`. */
  xHeaders?: Maybe<Array<XHeader>>;
};

/** A category that bounces are sorted into. The set is open: upstreams add to it. */
export type BounceCategory = {
  __typename?: 'BounceCategory';
  /** What bounces carry as their category, such as "bad-mailbox". */
  code: Scalars['String']['output'];
  /** What it means; null where the code is not a documented one. */
  description?: Maybe<Scalars['String']['output']>;
};

/** A page of bounces. */
export type BounceConnection = {
  __typename?: 'BounceConnection';
  /** The page's rows, each with its cursor. */
  edges: Array<BounceEdge>;
  /** The page's rows. */
  nodes: Array<Bounce>;
  /** Where the page lies among all. */
  pageInfo: PageInfo;
  /** How many rows the whole connection has, exactly. Counted only when selected: 1 upstream call where the filter has none but user, sender number and type; otherwise a few more, growing with the logarithm of the count. */
  totalCount?: Maybe<Scalars['Long']['output']>;
};

/** The whole of one bounce. */
export type BounceDetail = {
  __typename?: 'BounceDetail';
  /** What the receiving server said, such as "smtp;550 5.1.1 <recipient1@example.com>: User unknown". Needs the scope `content:read`; without `recipients:read` addresses in it are masked. */
  diagnosticCode?: Maybe<Scalars['String']['output']>;
  /** The bounce message as it was received, headers and all; often 1 to 100 KB. Needs the scopes `content:read` and `recipients:read`. */
  fullContent?: Maybe<Scalars['String']['output']>;
  /** The rule that sorted the bounce into its type and category, such as "policyrelated03". */
  ruleName: Scalars['String']['output'];
};

/** One of the bounces on a page, and where it stands. */
export type BounceEdge = {
  __typename?: 'BounceEdge';
  /** Marks this row in its connection, for `after` and `before`. Only fit for the same filter and window. */
  cursor: Scalars['String']['output'];
  /** The row. */
  node: Bounce;
};

/** Which bounces: all that is given must hold. */
export type BounceFilter = {
  /** Only of this category: a code of `bounceCategories`, such as "bad-mailbox". */
  category?: InputMaybe<Scalars['String']['input']>;
  /** Only to recipients at this domain, exactly. */
  domain?: InputMaybe<Scalars['String']['input']>;
  /** Only to recipients whose address has this part before the @, exactly. Needs the scope `recipients:read`. */
  localPart?: InputMaybe<Scalars['String']['input']>;
  /** Only to this recipient's address, exactly. Needs the scope `recipients:read`. */
  recipient?: InputMaybe<Scalars['String']['input']>;
  /** Only of this sender, by address, exactly. */
  sender?: InputMaybe<Scalars['String']['input']>;
  /** Only of this sender: a sender number, such as "17". */
  senderId?: InputMaybe<Scalars['ID']['input']>;
  /** Only hard or only soft bounces. */
  type?: InputMaybe<BounceType>;
  /** Only of this user: a user number, such as "21". */
  userId?: InputMaybe<Scalars['ID']['input']>;
  /** Only emails that carry all of these custom headers; at most 4. Values with an address in them need the scope `recipients:read`. */
  xHeaders?: InputMaybe<Array<XHeaderInput>>;
};

/** Whether a bounce is final. */
export enum BounceType {
  /** The address will not work: sending again is of no use. */
  Hard = 'HARD',
  /** It may work later. */
  Soft = 'SOFT'
}

/** An email to one recipient: delivered, bounced or blocked. */
export type Email = Node & {
  __typename?: 'Email';
  /** Whether the recipient's server took it; false where it bounced or was blocked from sending. */
  delivered: Scalars['Boolean']['output'];
  /** The domain of the recipient's address. */
  domain: Scalars['String']['output'];
  /**
   * The email's id, which begins with the second it was processed in (UTC), such as "20161122000000.125874958762@mail6-40-ussnn1".
   * Unique together with the recipient.
   */
  emailId: Scalars['String']['output'];
  /** Opaque, and unique among all objects. */
  id: Scalars['ID']['output'];
  /** The part of the recipient's address before the @; of a pseudonym without the scope `recipients:read`. */
  localPart: Scalars['String']['output'];
  /** When it was processed: what emails are windowed and ordered by. */
  processedAt: Scalars['DateTime']['output'];
  /** The recipient's address. To callers without the scope `recipients:read` a pseudonym: "***", some letters, and the domain as it is. An address has one pseudonym. */
  recipient: Scalars['String']['output'];
  /** The sender that the email was sent as. Its address costs 1 upstream call for the whole page. */
  sender: Sender;
  /** The number of the sender (From address) that the email was sent as. */
  senderId: Scalars['ID']['output'];
  /** The user that sent the email. Costs no upstream call by itself. */
  user: User;
  /** The number of the user (account) that sent the email. */
  userId: Scalars['ID']['output'];
  /** The email's custom headers, in the order sent; null where it has none. Values with an address in them are "***" without the scope `recipients:read`. */
  xHeaders?: Maybe<Array<XHeader>>;
};

/** A page of emails. */
export type EmailConnection = {
  __typename?: 'EmailConnection';
  /** The page's rows, each with its cursor. */
  edges: Array<EmailEdge>;
  /** The page's rows. */
  nodes: Array<Email>;
  /** Where the page lies among all. */
  pageInfo: PageInfo;
  /** How many rows the whole connection has, exactly. Counted only when selected: 1 upstream call where the filter has none but user, sender number and type; otherwise a few more, growing with the logarithm of the count. */
  totalCount?: Maybe<Scalars['Long']['output']>;
};

/** One of the emails on a page, and where it stands. */
export type EmailEdge = {
  __typename?: 'EmailEdge';
  /** Marks this row in its connection, for `after` and `before`. Only fit for the same filter and window. */
  cursor: Scalars['String']['output'];
  /** The row. */
  node: Email;
};

/** Which emails: all that is given must hold. */
export type EmailFilter = {
  /** True gives delivered emails alone; false, as when left out, gives all, with those that bounced or were blocked. */
  deliveredOnly?: InputMaybe<Scalars['Boolean']['input']>;
  /** Only to recipients at this domain, exactly. */
  domain?: InputMaybe<Scalars['String']['input']>;
  /** Only to recipients whose address has this part before the @, exactly. Needs the scope `recipients:read`. */
  localPart?: InputMaybe<Scalars['String']['input']>;
  /** Only to this recipient's address, exactly. Needs the scope `recipients:read`. */
  recipient?: InputMaybe<Scalars['String']['input']>;
  /** Only of this sender, by address, exactly. */
  sender?: InputMaybe<Scalars['String']['input']>;
  /** Only of this sender: a sender number, such as "17". */
  senderId?: InputMaybe<Scalars['ID']['input']>;
  /** Only of this user: a user number, such as "21". */
  userId?: InputMaybe<Scalars['ID']['input']>;
  /** Only emails that carry all of these custom headers; at most 4. Values with an address in them need the scope `recipients:read`. */
  xHeaders?: InputMaybe<Array<XHeaderInput>>;
};

/** The width of a series' buckets. */
export enum Interval {
  /** Days of UTC, from midnight. */
  Day = 'DAY',
  /** Hours of UTC. */
  Hour = 'HOUR'
}

/** An object with an id that finds it again. */
export type Node = {
  /** Opaque, and unique among all objects. Keep it as it is; do not take it apart. */
  id: Scalars['ID']['output'];
};

/** Where a page lies in its connection. */
export type PageInfo = {
  __typename?: 'PageInfo';
  /** The cursor of the page's last row; null on an empty page. Give it as `after` for the next page. */
  endCursor?: Maybe<Scalars['String']['output']>;
  /** Whether rows follow the page's last; true, with an error, where that could not be found out. Known without a further upstream call unless the page ends where a full upstream page of 500 ends. */
  hasNextPage: Scalars['Boolean']['output'];
  /** Whether rows come before the page's first; true, with an error, where that could not be found out. */
  hasPreviousPage: Scalars['Boolean']['output'];
  /** The cursor of the page's first row; null on an empty page. */
  startCursor?: Maybe<Scalars['String']['output']>;
};

/**
 * The metrics of an email delivery account: who sent, what bounced, what was blocked, and how many of each.
 *
 * Every list and every count names its window of time. Lists are Relay connections, oldest rows first.
 */
export type Query = {
  __typename?: 'Query';
  /** The emails of the window that were not sent since their recipient is suppressed, by the time they were processed. */
  blockedEmails?: Maybe<BlockedEmailConnection>;
  /** The reasons for which emails are blocked at present, in the upstream's order. Blocked emails may carry others. Costs 1 upstream call. */
  blockedReasons?: Maybe<Array<BlockedReason>>;
  /**
   * One bounce by its natural key, as the REST API and exports of it name it. Null, with a NOT_FOUND error, where there is none.
   * Costs 1 upstream call, which also answers its detail.
   */
  bounce?: Maybe<Bounce>;
  /** The categories that bounces are sorted into at present, in the upstream's order. Bounces may carry others. Costs 1 upstream call. */
  bounceCategories?: Maybe<Array<BounceCategory>>;
  /** The bounces of the window, by the time they bounced. */
  bounces?: Maybe<BounceConnection>;
  /** The emails of the window, delivered or not, by the time they were processed. */
  emails?: Maybe<EmailConnection>;
  /**
   * Any object that has an id, by that id: a user, a sender, a bounce, an email or a blocked email.
   * Null, with a NOT_FOUND error, where there is none. Costs 1 upstream call, for a user or a sender at most 3.
   */
  node?: Maybe<Node>;
  /**
   * Several objects by their ids, in the order of the ids, each null with an error of its own where there is none.
   * Asking for one id twice costs no more than once.
   */
  nodes: Array<Maybe<Node>>;
  /**
   * The senders (approved From addresses) that sent, bounced or were blocked in the window, by ascending sender number.
   * Costs 3 upstream calls, which also answer their stats over the same window.
   */
  senders?: Maybe<SenderConnection>;
  /**
   * The counts of a window over all users, or over one user or sender.
   * Costs 1 upstream call for each of: what was sent, bounced, blocked; only for those selected.
   */
  stats?: Maybe<Stats>;
  /**
   * The users (accounts) that sent, bounced or were blocked in the window, by ascending user number.
   * Costs 3 upstream calls, which also answer their stats over the same window.
   */
  users?: Maybe<UserConnection>;
};


/**
 * The metrics of an email delivery account: who sent, what bounced, what was blocked, and how many of each.
 *
 * Every list and every count names its window of time. Lists are Relay connections, oldest rows first.
 */
export type QueryBlockedEmailsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<BlockedEmailFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  window: Window;
};


/**
 * The metrics of an email delivery account: who sent, what bounced, what was blocked, and how many of each.
 *
 * Every list and every count names its window of time. Lists are Relay connections, oldest rows first.
 */
export type QueryBounceArgs = {
  bouncedAt: Scalars['DateTime']['input'];
  emailId: Scalars['String']['input'];
  senderId: Scalars['ID']['input'];
  userId: Scalars['ID']['input'];
};


/**
 * The metrics of an email delivery account: who sent, what bounced, what was blocked, and how many of each.
 *
 * Every list and every count names its window of time. Lists are Relay connections, oldest rows first.
 */
export type QueryBouncesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<BounceFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  window: Window;
};


/**
 * The metrics of an email delivery account: who sent, what bounced, what was blocked, and how many of each.
 *
 * Every list and every count names its window of time. Lists are Relay connections, oldest rows first.
 */
export type QueryEmailsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<EmailFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  window: Window;
};


/**
 * The metrics of an email delivery account: who sent, what bounced, what was blocked, and how many of each.
 *
 * Every list and every count names its window of time. Lists are Relay connections, oldest rows first.
 */
export type QueryNodeArgs = {
  id: Scalars['ID']['input'];
};


/**
 * The metrics of an email delivery account: who sent, what bounced, what was blocked, and how many of each.
 *
 * Every list and every count names its window of time. Lists are Relay connections, oldest rows first.
 */
export type QueryNodesArgs = {
  ids: Array<Scalars['ID']['input']>;
};


/**
 * The metrics of an email delivery account: who sent, what bounced, what was blocked, and how many of each.
 *
 * Every list and every count names its window of time. Lists are Relay connections, oldest rows first.
 */
export type QuerySendersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  userId?: InputMaybe<Scalars['ID']['input']>;
  window: Window;
};


/**
 * The metrics of an email delivery account: who sent, what bounced, what was blocked, and how many of each.
 *
 * Every list and every count names its window of time. Lists are Relay connections, oldest rows first.
 */
export type QueryStatsArgs = {
  senderId?: InputMaybe<Scalars['ID']['input']>;
  userId?: InputMaybe<Scalars['ID']['input']>;
  window: Window;
};


/**
 * The metrics of an email delivery account: who sent, what bounced, what was blocked, and how many of each.
 *
 * Every list and every count names its window of time. Lists are Relay connections, oldest rows first.
 */
export type QueryUsersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  window: Window;
};

/** An approved From address of a user. */
export type Sender = Node & {
  __typename?: 'Sender';
  /** The address, such as "news@example.com". Costs 1 upstream call for all senders of a list together, or none where it is known already. */
  address?: Maybe<Scalars['String']['output']>;
  /** The blocked emails of this sender in a window, by the time they were processed. One upstream call for each sender. */
  blockedEmails?: Maybe<BlockedEmailConnection>;
  /** The bounces of this sender in a window, by the time they bounced. One upstream call for each sender. */
  bounces?: Maybe<BounceConnection>;
  /** The emails of this sender in a window, by the time they were processed. One upstream call for each sender. */
  emails?: Maybe<EmailConnection>;
  /** Opaque, and unique among all objects. */
  id: Scalars['ID']['output'];
  /** The sender's number, such as "17". */
  senderId: Scalars['ID']['output'];
  /** The sender's counts over a window. At most 3 upstream calls for all senders of a list together: 1 for each of sent, bounced, blocked that is selected. */
  stats?: Maybe<Stats>;
  /** The user whose sender this is. Costs what `userId` costs. */
  user?: Maybe<User>;
  /** The number of the user whose sender this is. Costs upstream calls only where the list was not limited to one user: at most 1 for each user, or for each sender where those are fewer. */
  userId?: Maybe<Scalars['ID']['output']>;
};


/** An approved From address of a user. */
export type SenderBlockedEmailsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<BlockedEmailFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  window: Window;
};


/** An approved From address of a user. */
export type SenderBouncesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<BounceFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  window: Window;
};


/** An approved From address of a user. */
export type SenderEmailsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<EmailFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  window: Window;
};


/** An approved From address of a user. */
export type SenderStatsArgs = {
  window: Window;
};

/** A page of senders. */
export type SenderConnection = {
  __typename?: 'SenderConnection';
  /** The page's rows, each with its cursor. */
  edges: Array<SenderEdge>;
  /** The page's rows. */
  nodes: Array<Sender>;
  /** Where the page lies among all. */
  pageInfo: PageInfo;
  /** How many rows the whole connection has, exactly. Costs nothing. */
  totalCount?: Maybe<Scalars['Long']['output']>;
};

/** One of the senders on a page, and where it stands. */
export type SenderEdge = {
  __typename?: 'SenderEdge';
  /** Marks this row in its connection, for `after` and `before`. Only fit for the same filter and window. */
  cursor: Scalars['String']['output'];
  /** The row. */
  node: Sender;
};

/**
 * How many emails were sent, bounced and were blocked in a window. Emails count at the time they were processed, bounces at the time they bounced.
 *
 * Sent, bounced and blocked are 1 upstream call each, made only when selected; where one fails, the fields that need it are null.
 */
export type Stats = {
  __typename?: 'Stats';
  /** Emails that were not sent since their recipient is suppressed. */
  blocked?: Maybe<Scalars['Long']['output']>;
  /** Blocked emails for each email sent: blocked / sent. Null where nothing was sent. */
  blockedRate?: Maybe<Scalars['Float']['output']>;
  /** Bounces for each email sent: bounced / sent. Null where nothing was sent. Above 1 where bounces came late. */
  bounceRate?: Maybe<Scalars['Float']['output']>;
  /** Bounces, hard and soft together. */
  bounced?: Maybe<Scalars['Long']['output']>;
  /** Hard bounces for each email sent: hardBounced / sent. Null where nothing was sent. */
  hardBounceRate?: Maybe<Scalars['Float']['output']>;
  /** Hard bounces. */
  hardBounced?: Maybe<Scalars['Long']['output']>;
  /** Emails, delivered or not. */
  sent?: Maybe<Scalars['Long']['output']>;
  /**
   * The counts of the window by hour or by day, oldest first, with zeros where nothing happened. At most 10,000 points.
   * 1 further upstream call for each of sent, bounced, blocked that is selected in it.
   */
  series?: Maybe<Array<StatsPoint>>;
  /** Soft bounces for each email sent: softBounced / sent. Null where nothing was sent. */
  softBounceRate?: Maybe<Scalars['Float']['output']>;
  /** Soft bounces. */
  softBounced?: Maybe<Scalars['Long']['output']>;
};


/**
 * How many emails were sent, bounced and were blocked in a window. Emails count at the time they were processed, bounces at the time they bounced.
 *
 * Sent, bounced and blocked are 1 upstream call each, made only when selected; where one fails, the fields that need it are null.
 */
export type StatsSeriesArgs = {
  interval: Interval;
};

/** The counts of one hour or day. The first and the last of a series count only what lies in the window. */
export type StatsPoint = {
  __typename?: 'StatsPoint';
  /** Emails that were not sent since their recipient is suppressed. */
  blocked: Scalars['Long']['output'];
  /** Bounces, hard and soft together. */
  bounced: Scalars['Long']['output'];
  /** Hard bounces. */
  hardBounced: Scalars['Long']['output'];
  /** Emails, delivered or not. */
  sent: Scalars['Long']['output'];
  /** Soft bounces. */
  softBounced: Scalars['Long']['output'];
  /** When the bucket begins. */
  start: Scalars['DateTime']['output'];
};

/** An account: a master account or one of its sub-accounts. A user has many senders. */
export type User = Node & {
  __typename?: 'User';
  /** The blocked emails of this user in a window, by the time they were processed. One upstream call for each user. */
  blockedEmails?: Maybe<BlockedEmailConnection>;
  /** The bounces of this user in a window, by the time they bounced. One upstream call for each user. */
  bounces?: Maybe<BounceConnection>;
  /** The emails of this user in a window, by the time they were processed. One upstream call for each user. */
  emails?: Maybe<EmailConnection>;
  /** Opaque, and unique among all objects. */
  id: Scalars['ID']['output'];
  /** The user's senders that sent, bounced or were blocked in a window, by ascending number. 3 upstream calls for each user. */
  senders?: Maybe<SenderConnection>;
  /** The user's counts over a window. At most 3 upstream calls for all users of a list together: 1 for each of sent, bounced, blocked that is selected. */
  stats?: Maybe<Stats>;
  /** The user's number, such as "21". */
  userId: Scalars['ID']['output'];
};


/** An account: a master account or one of its sub-accounts. A user has many senders. */
export type UserBlockedEmailsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<BlockedEmailFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  window: Window;
};


/** An account: a master account or one of its sub-accounts. A user has many senders. */
export type UserBouncesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<BounceFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  window: Window;
};


/** An account: a master account or one of its sub-accounts. A user has many senders. */
export type UserEmailsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<EmailFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  window: Window;
};


/** An account: a master account or one of its sub-accounts. A user has many senders. */
export type UserSendersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  window: Window;
};


/** An account: a master account or one of its sub-accounts. A user has many senders. */
export type UserStatsArgs = {
  window: Window;
};

/** A page of users. */
export type UserConnection = {
  __typename?: 'UserConnection';
  /** The page's rows, each with its cursor. */
  edges: Array<UserEdge>;
  /** The page's rows. */
  nodes: Array<User>;
  /** Where the page lies among all. */
  pageInfo: PageInfo;
  /** How many rows the whole connection has, exactly. Costs nothing. */
  totalCount?: Maybe<Scalars['Long']['output']>;
};

/** One of the users on a page, and where it stands. */
export type UserEdge = {
  __typename?: 'UserEdge';
  /** Marks this row in its connection, for `after` and `before`. Only fit for the same filter and window. */
  cursor: Scalars['String']['output'];
  /** The row. */
  node: User;
};

/** A window of time: either two moments, or so much time up to now. Exactly one of its fields is given. */
export type Window =
  /** From a moment to a moment. */
  { between: WindowBetween; last?: never; }
  |  /**
   * The time up to now, such as "P7D". Now is the same for all windows of one operation; pages that follow
   * a cursor stay in the window in which the first page was asked for. A window of a day or more starts on a whole hour of UTC,
   * up to an hour before; a shorter one starts exactly so much time ago.
   */
  { between?: never; last: Scalars['Duration']['input']; };

/** Two moments: what happened at the start belongs to the window, what happened at the end does not, so that windows side by side add up. */
export type WindowBetween = {
  /** The first moment that no longer belongs to it; later than the start. */
  end: Scalars['DateTime']['input'];
  /** The first moment that belongs to the window. */
  start: Scalars['DateTime']['input'];
};

/** A custom header of an email, or a filter on one. */
export type XHeader = {
  __typename?: 'XHeader';
  /** The header's name, which begins with "X-". */
  name: Scalars['String']['output'];
  /** The header's value. */
  value: Scalars['String']['output'];
};

/** A custom header that an email must carry. */
export type XHeaderInput = {
  /** The header's name, which begins with "X-"; upper and lower case are the same. */
  name: Scalars['String']['input'];
  /** The header's value, exactly. */
  value: Scalars['String']['input'];
};

export type BouncesOfMonthQueryVariables = Exact<{
  window: Window;
  filter?: InputMaybe<BounceFilter>;
  after?: InputMaybe<Scalars['String']['input']>;
}>;


export type BouncesOfMonthQuery = { __typename?: 'Query', bounces?: { __typename?: 'BounceConnection', totalCount?: number | null, nodes: Array<{ __typename?: 'Bounce', id: string, bouncedAt: string, recipient: string, type: BounceType, category: string, postbackAt?: string | null, sender: { __typename?: 'Sender', address?: string | null } }>, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null } } | null };


export const BouncesOfMonthDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"BouncesOfMonth"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"window"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Window"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"BounceFilter"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"bounces"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"window"},"value":{"kind":"Variable","name":{"kind":"Name","value":"window"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}},{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"500"}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"totalCount"}},{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"bouncedAt"}},{"kind":"Field","name":{"kind":"Name","value":"recipient"}},{"kind":"Field","name":{"kind":"Name","value":"type"}},{"kind":"Field","name":{"kind":"Name","value":"category"}},{"kind":"Field","name":{"kind":"Name","value":"postbackAt"}},{"kind":"Field","name":{"kind":"Name","value":"sender"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"address"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}}]}}]}}]} as unknown as DocumentNode<BouncesOfMonthQuery, BouncesOfMonthQueryVariables>;