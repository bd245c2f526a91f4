// Package resolvers answers the fields of the GraphQL schema. A resolver checks its arguments, calls package
// loaders (or the API that the loaders hold) and converts the result.
//
// The package knows how an argument becomes an upstream query, which counts answer which stats, and how the
// object of an opaque id is found. A resolver has no state: what an operation shares is in its loaders, and
// package page implements the lists. Start reading at [Root]. Files are named after the types of the schema.
package resolvers

import (
	"deliverygraph/graph/generated"
	"deliverygraph/resolvers/feed"
)

// Root implements the resolvers of all types.
type Root struct {
	// Feed delivers the bounces of subscriptions. If it is nil, subscriptions are refused.
	Feed *feed.Feed
}

var _ generated.ResolverRoot = Root{}

func (Root) Query() generated.QueryResolver   { return query{} }
func (Root) Bounce() generated.BounceResolver { return bounce{} }
func (Root) Email() generated.EmailResolver   { return email{} }
func (Root) User() generated.UserResolver     { return user{} }
func (Root) Sender() generated.SenderResolver { return sender{} }
func (Root) Stats() generated.StatsResolver   { return stats{} }

func (Root) MessageRecipient() generated.MessageRecipientResolver { return messageRecipient{} }

func (Root) Recipient() generated.RecipientResolver           { return recipient{} }
func (Root) RecipientStats() generated.RecipientStatsResolver { return recipientStats{} }

// Subscription returns the resolver of subscriptions.
func (r Root) Subscription() generated.SubscriptionResolver { return subscription{r.Feed} }

type (
	query  struct{}
	bounce struct{}
	email  struct{}
	user   struct{}
	sender struct{}
	stats  struct{}

	messageRecipient struct{}

	recipient      struct{}
	recipientStats struct{}

	subscription struct{ feed *feed.Feed }
)

// Schema returns the executable schema with these resolvers, without subscriptions.
func Schema() generated.Config { return Root{}.Schema() }

// Schema returns the executable schema with these resolvers.
func (r Root) Schema() generated.Config { return generated.Config{Resolvers: r} }
