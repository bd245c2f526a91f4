package gateway

import (
	"errors"
	"fmt"

	"deliverygraph/upstream/rest"
)

// upstreamSettings name a remote server of the REST API.
type upstreamSettings struct {
	Upstream            string `placeholder:"URL"`
	UpstreamKey         string `secret:"" placeholder:"KEY"`
	UpstreamCA          string `name:"upstream-ca" placeholder:"FILE"`
	UpstreamConcurrency int    `default:"16" placeholder:"N"`
}

// check refuses settings of a server that is not named.
func (s upstreamSettings) check() error {
	if s.Upstream == "" && (s.UpstreamKey != "" || s.UpstreamCA != "") {
		return badSetting("--upstream-key or --upstream-ca is given without --upstream: " +
			"name the server, such as --upstream https://metrics.example.com/v4")
	}
	if s.UpstreamConcurrency < 1 || s.UpstreamConcurrency > 100_000 {
		return badSetting("--upstream-concurrency must be from 1 to 100000, such as 16")
	}
	return nil
}

// options returns the options of the server's client.
func (s upstreamSettings) options() rest.Options {
	return rest.Options{
		BaseURL: s.Upstream, Key: s.UpstreamKey, CAFile: s.UpstreamCA, MaxConcurrent: s.UpstreamConcurrency,
	}
}

// badUpstream translates the options of package rest in an error to the flags that set them.
func badUpstream(err error) error {
	flags := map[string]string{
		"BaseURL": "--upstream", "Key": "--upstream-key", "CAFile": "--upstream-ca",
		"MaxConcurrent": "--upstream-concurrency",
	}
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for i, err := range all {
		var o *rest.OptionError
		if errors.As(err, &o) && flags[o.Option] != "" {
			all[i] = fmt.Errorf("%s %s", flags[o.Option], o.Message)
		}
	}
	return badSetting("%v", errors.Join(all...))
}
