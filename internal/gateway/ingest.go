package gateway

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"deliverygraph/internal/telemetry"
	"deliverygraph/internal/web"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/ingest"
)

// ingestSettings say which webhooks are accepted, and how to tell that they are genuine.
type ingestSettings struct {
	Listen        string        `placeholder:"ADDR"`
	SESTopics     []string      `name:"ses-topics" placeholder:"ARN"`
	SendGridKey   string        `name:"sendgrid-key" secret:"" placeholder:"KEY"`
	MailgunKey    string        `name:"mailgun-key" secret:"" placeholder:"KEY"`
	MailgunWindow time.Duration `name:"mailgun-window" default:"15m"`
	PostmarkAuth  string        `name:"postmark-auth" secret:"" placeholder:"USER:PASSWORD"`
	SparkPostAuth string        `name:"sparkpost-auth" secret:"" placeholder:"USER:PASSWORD"`
	RowsKey       string        `name:"rows-key" secret:"" placeholder:"KEY"`
	Unsigned      []string      `placeholder:"SERVICE"`
	User          int           `default:"1" placeholder:"ID"`
	MaxBody       byteSize      `default:"16MiB" placeholder:"SIZE"`
}

// door is a service that may be configured.
type door struct {
	service, flag, value string
	open                 func() (ingest.Service, error)
}

// doors returns all services.
func (s ingestSettings) doors() []door {
	return []door{
		{"sendgrid", "sendgrid-key", s.SendGridKey, func() (ingest.Service, error) {
			return ingest.SendGrid(s.SendGridKey)
		}},
		{"mailgun", "mailgun-key and --ingest-mailgun-window", s.MailgunKey, func() (ingest.Service, error) {
			return ingest.Mailgun(s.MailgunKey, s.MailgunWindow, time.Now)
		}},
		{"postmark", "postmark-auth", s.PostmarkAuth, func() (ingest.Service, error) {
			return ingest.Basic("postmark", s.PostmarkAuth)
		}},
		{"sparkpost", "sparkpost-auth", s.SparkPostAuth, func() (ingest.Service, error) {
			return ingest.Basic("sparkpost", s.SparkPostAuth)
		}},
		{"rows", "rows-key", s.RowsKey, func() (ingest.Service, error) { return ingest.Rows(s.RowsKey) }},
		{"ses", "ses-topics", strings.Join(s.SESTopics, ","), func() (ingest.Service, error) {
			return ingest.SES(ingest.SESOptions{Topics: s.SESTopics, Unsigned: slices.Contains(s.Unsigned, "ses")})
		}},
	}
}

// configured returns the flags of services that are set.
func (s ingestSettings) configured() (flags []string) {
	for _, d := range append(s.doors(), door{flag: "unsigned", value: strings.Join(s.Unsigned, ",")}) {
		if d.value != "" {
			flag, _, _ := strings.Cut(d.flag, " ")
			flags = append(flags, "--ingest-"+flag)
		}
	}
	return flags
}

// check refuses settings that contradict each other.
func (s ingestSettings) check(c *serveCommand) error {
	flags := s.configured()
	switch {
	case s.Listen == "" && len(flags) > 0:
		return badSetting("%s is for webhooks: open a port for them, such as --ingest-listen 127.0.0.1:8082", flags[0])
	case s.Listen != "" && c.Upstream != "":
		return badSetting("--ingest-listen writes to the embedded store, " +
			"and --upstream replaces that by a remote server: give one of them")
	case s.Listen != "" && c.Data == "":
		return badSetting("--ingest-listen needs a store to write to: name it, such as --data metrics.db " +
			"(with --create to make it)")
	case s.Listen != "" && len(flags) == 0:
		return badSetting("--ingest-listen accepts no webhooks yet: configure a service by --ingest-ses-topics, " +
			"--ingest-sendgrid-key, --ingest-mailgun-key, --ingest-postmark-auth, --ingest-sparkpost-auth " +
			"or --ingest-rows-key")
	case s.User < 1:
		return badSetting("--ingest-user must be positive, such as 1")
	case s.MaxBody < 1<<10 || s.MaxBody > 1<<30:
		return badSetting("--ingest-max-body must be from 1KiB to 1GiB, such as 16MiB")
	}
	_, err := s.services()
	return err
}

// services returns the services that are configured.
func (s ingestSettings) services() (list []ingest.Service, err error) {
	for _, d := range s.doors() {
		unsigned := slices.Contains(s.Unsigned, d.service)
		switch {
		case unsigned && d.service == "ses": // which checks the topics of messages all the same
		case unsigned && d.value != "":
			return nil, badSetting("--ingest-unsigned accepts all requests to %s, and --ingest-%s does not: keep one",
				d.service, d.flag)
		case unsigned:
			list = append(list, ingest.Unsigned(d.service))
			continue
		case d.value == "":
			continue
		}
		service, err := d.open()
		if err != nil {
			return nil, badSetting("--ingest-%s: %v", d.flag, err)
		}
		list = append(list, service)
	}
	for _, name := range s.Unsigned {
		if !slices.Contains(ingest.Names, name) {
			return nil, badSetting("--ingest-unsigned: %q is not a service: the services are %s",
				name, strings.Join(ingest.Names, ", "))
		}
	}
	return list, nil
}

// listen opens the port of webhooks, if one is configured.
func (s ingestSettings) listen() (net.Listener, error) {
	if s.Listen == "" {
		return nil, nil
	}
	l, err := listen("ingest-listen", s.Listen)
	if err == nil && len(s.Unsigned) > 0 && !loopback(l.Addr()) {
		_ = l.Close()
		return nil, badSetting("--ingest-unsigned: %s can be reached from other machines, which could write anything: "+
			"listen on loopback, such as --ingest-listen 127.0.0.1:8082, or leave it out", l.Addr())
	}
	return l, err
}

// ingestServer is the port of webhooks.
func (g *gateway) ingestServer(ctx context.Context, l net.Listener, pair *web.Certificate) (*server, error) {
	s := g.c.Ingest
	services, err := s.services()
	if err != nil {
		return nil, err
	}
	account, err := g.store.ReserveUser(ctx, upstream.ID(s.User))
	if err != nil {
		return nil, err
	}
	if account != "" {
		return nil, badSetting("--ingest-user %d is the number of the account %q: "+
			"choose another for mail that names no account",
			s.User, account)
	}
	h := ingest.New(g.store, ingest.Options{
		Services: services, User: upstream.ID(s.User), Rules: g.rules, MaxBody: int64(s.MaxBody), Logger: g.logger,
		Observe: func(b ingest.Batch) { g.metrics.Webhook(webhook(b)) },
	})
	port := newServer(l, g.c.restrictHosts(l.Addr(), len(s.Unsigned) == 0, h, forbidInText))
	var names []string
	for _, service := range services {
		names = append(names, service.Name())
	}
	g.logger.Info("webhooks", "url", port.secure(pair), "services", strings.Join(names, ","))
	return port, nil
}

// webhook describes a batch for the metrics.
func webhook(b ingest.Batch) telemetry.Webhook {
	skipped := 0
	for _, n := range b.Skipped {
		skipped += n
	}
	return telemetry.Webhook{
		Service: b.Service, Status: b.Status, Duration: b.Duration,
		Records: map[string]int{"taken": b.Records - skipped - b.Bad, "skipped": skipped, "bad": b.Bad},
		Rows:    map[string]int{"new": b.New, "replaced": b.Replaced, "unchanged": b.Unchanged},
	}
}
