package client

import (
	"context"
	"errors"
	"time"

	"github.com/Khan/genqlient/graphql"
)

// Incident is the day on which one domain refused more mail than any other on any day.
type Incident struct {
	Domain     string
	Day        time.Time      // its start, in UTC
	Bounces    int64          // of the domain on that day
	Diagnostic string         // what the domain's servers said most often
	Share      float64        // of its bounces that got this response
	Sender     string         // the one with the most soft bounces on that day
	SenderDay  SenderDay      // in the sender's time zone, the one with the most bounces in that week
	Mail       MailToResponse // to the last recipient whose mail the domain refused on that day
}

// SenderDay is a day of a sender in a time zone.
type SenderDay = BouncesOfDaySendersSenderConnectionNodesSenderStatsSeriesStatsPoint

// WorstDay finds the incident in a window that begins at midnight in UTC. Zone is the sender's time zone.
func WorstDay(ctx context.Context, c graphql.Client, start, end time.Time, zone string) (i Incident, err error) {
	byDomain, err := BouncesByDomain(ctx, c, Window{Between: &WindowBetween{start, end}})
	if err != nil {
		return i, err
	}
	counted := byDomain.Bounces.Breakdown.Other.Count
	for _, g := range byDomain.Bounces.Breakdown.Groups {
		counted += g.Count
		for _, p := range g.Series {
			if p.Count > i.Bounces {
				i.Domain, i.Day, i.Bounces = *g.Keys[0].Value, p.Start, p.Count
			}
		}
	}
	if i.Bounces == 0 || counted != *byDomain.Bounces.TotalCount {
		return i, errors.New("no bounces, or they do not add up")
	}
	day := Window{Between: &WindowBetween{i.Day, i.Day.AddDate(0, 0, 1)}}
	around := Window{Between: &WindowBetween{i.Day.AddDate(0, 0, -3), i.Day.AddDate(0, 0, 4)}}
	soft := BounceTypeSoft
	ofDay, err := BouncesOfDay(ctx, c, day, around, BounceFilter{Domain: &i.Domain, Type: &soft}, zone)
	if err != nil {
		return i, err
	}
	said, sender := ofDay.Bounces.Breakdown.Groups[0], ofDay.Senders.Nodes[0]
	i.Diagnostic, i.Share, i.Sender = *said.Keys[0].Value, said.Share, *sender.Address
	for _, p := range sender.Stats.Series {
		if p.Bounced > i.SenderDay.Bounced {
			i.SenderDay = p
		}
	}
	last := ofDay.Bounces.Nodes[0]
	mail, err := MailTo(ctx, c, around, last.Recipient, last.EmailId)
	if err == nil {
		i.Mail = *mail
	}
	return i, err
}
