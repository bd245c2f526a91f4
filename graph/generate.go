// Package graph is the GraphQL endpoint as one [http.Handler]: transports, document cache, limits, the presentation of
// errors, and one log line per operation.
//
// It does not depend on the row kinds or the upstream: [NewHandler] takes the executable schema that resolves the
// fields (package resolvers). Only errors.go decides what callers see of an error. Start reading at [NewHandler].
package graph

//go:generate go generate ../upstream/kind
//go:generate go tool gqlgen generate
//go:generate go run generate_concurrent.go
//go:generate go run .. schema --output ../schema/published/schema.graphql
