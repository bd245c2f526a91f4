// Command deliverygraph is a GraphQL gateway over the Dyn Email Delivery metrics
// REST API v4. It fronts a server of that API, or carries its own.
//
// Package internal/gateway is the program: it reads the command line, wires the parts
// together and serves.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"deliverygraph/internal/gateway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := gateway.Run(ctx, os.Args[1:], gateway.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
