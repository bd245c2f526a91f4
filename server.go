// Command deliverygraph is a GraphQL gateway over the Dyn Email Delivery metrics
// REST API v4. It fronts a server of that API, or carries its own.
//
// Package internal/gateway is the program: it reads the command line, wires the parts
// together and serves.
package main

import (
	"os"

	"deliverygraph/internal/gateway"
)

func main() {
	os.Exit(gateway.Main(os.Args[1:], gateway.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
