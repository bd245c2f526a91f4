// Package resolvers answers the fields of the GraphQL schema: each checks its
// arguments, asks package loaders (or the API that the loaders hold) and converts.
//
// It hides how an argument becomes an upstream query, which counts answer which
// stats, and how an opaque id is found again. A resolver has no state: what an
// operation shares is in its loaders, what a list needs is in package page.
// Start reading at [Root]; the files carry the names of the schema's.
package resolvers

import (
	"deliverygraph/graph/generated"
	"deliverygraph/resolvers/feed"
)

// Root is the resolvers of all types.
type Root struct {
	// Feed tells subscriptions of bounces; nil refuses them.
	Feed *feed.Feed
}

var _ generated.ResolverRoot = Root{}

func (Root) Query() generated.QueryResolver   { return query{} }
func (Root) Bounce() generated.BounceResolver { return bounce{} }
func (Root) User() generated.UserResolver     { return user{} }
func (Root) Sender() generated.SenderResolver { return sender{} }
func (Root) Stats() generated.StatsResolver   { return stats{} }

// Subscription is the resolver of the subscriptions.
func (r Root) Subscription() generated.SubscriptionResolver { return subscription{r.Feed} }

type (
	query  struct{}
	bounce struct{}
	user   struct{}
	sender struct{}
	stats  struct{}

	subscription struct{ feed *feed.Feed }
)

// Schema is the executable schema over these resolvers, without subscriptions.
func Schema() generated.Config { return Root{}.Schema() }

// Schema is the executable schema over these resolvers.
func (r Root) Schema() generated.Config { return generated.Config{Resolvers: r} }
