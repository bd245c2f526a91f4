// Package graph is the GraphQL endpoint as one [http.Handler]: requests over HTTP,
// budgets, the presentation of errors, and one log line an operation.
//
// It knows nothing of bounces or of the upstream: what fields answer is the
// executable schema's matter (package resolvers), handed in to [NewHandler]. All
// knowledge of how an error looks to a caller is in present.go. Start reading at
// [NewHandler].
package graph

//go:generate go generate ../upstream/kind
//go:generate go tool gqlgen generate
//go:generate go run ./concurrent
//go:generate go run .. schema --output ../schema/published/schema.graphql
