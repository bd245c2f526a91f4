// Package model holds the Go types behind the GraphQL schema: objects, edges and
// connections by hand, inputs generated into models_gen.go.
//
// Objects are thin views of the contract's rows: a field's value is converted
// when it is selected, so a page of rows costs one slice. What needs an upstream
// call is not here but in package resolvers. IDs and scalars know their own
// text form and refuse any other.
//
// Start reading at [Bounce]; [NodeID] says what an opaque id holds.
package model
