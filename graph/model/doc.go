// Package model holds the Go types behind the GraphQL schema: hand-written objects, edges and connections, and
// generated inputs (models_gen.go).
//
// Objects are thin views of upstream rows. Fields are converted when selected, so a page of rows costs one slice.
// Whatever needs an upstream call is in package resolvers. IDs and scalars parse only their own text forms.
//
// Start reading at [Bounce]; [NodeID] describes opaque ids.
package model
