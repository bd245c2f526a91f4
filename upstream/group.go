package upstream

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"deliverygraph/upstream/kind"
)

// Dimension is a property of events by which they can be grouped.
type Dimension uint8

// The dimensions. Times are UTC.
const (
	NoDimension         Dimension = iota
	DimensionType                 // of bounces: hard or soft
	DimensionCategory             // of bounces
	DimensionCode                 // of bounces: the enhanced status code
	DimensionRule                 // of bounces: the name of the rule that matched
	DimensionDiagnostic           // of bounces: what the server said, without what varies; see package grouped
	DimensionReason               // of blocked emails
	DimensionDelivered            // of emails: true or false
	DimensionDomain               // the recipient's domain
	DimensionProvider             // the provider of the recipient's mailbox; see package grouped
	DimensionSender               // the sender's number
	DimensionUser                 // the user's number
	DimensionHour                 // the start of the hour, in Unix seconds
	DimensionDay                  // the start of the day, in Unix seconds
	DimensionWeekday              // monday to sunday
	DimensionHeader               // the value of a custom header; see Grouping.Header
)

var dimensionNames = [...]string{
	"", "type", "category", "code", "rule", "diagnostic", "reason", "delivered", "domain", "provider", "sender", "user",
	"hour", "day", "weekday", "header",
}

// String returns the name of the dimension in the REST API, such as "domain".
func (d Dimension) String() string { return dimensionNames[d] }

// dimensions lists the dimensions of each kind.
var dimensions = func() (all [len(Kinds)][]Dimension) {
	all[Emails] = []Dimension{DimensionDelivered}
	all[Bounces] = []Dimension{
		DimensionType, DimensionCategory, DimensionCode, DimensionRule, DimensionDiagnostic,
	}
	all[BlockedEmails] = []Dimension{DimensionReason}
	for i := range all {
		all[i] = append(all[i], shared...)
	}
	return all
}()

// shared are the dimensions of all kinds. Counts of events of different kinds can be compared by these.
var shared = []Dimension{
	DimensionDomain, DimensionProvider, DimensionSender, DimensionUser, DimensionHour, DimensionDay, DimensionWeekday,
	DimensionHeader,
}

// Dimensions returns the dimensions by which events of the kind can be grouped.
func (k Kind) Dimensions() []Dimension { return dimensions[k] }

// dimensionNames lists the dimensions, named by name, for messages.
func (k Kind) dimensionNames(name func(Dimension) string) string {
	var all []string
	for _, d := range k.Dimensions() {
		all = append(all, name(d))
	}
	return strings.Join(all, ", ")
}

// MaxGroups is the maximum number of groups that an answer lists.
const MaxGroups = 1000

// MaxGroupPoints is the maximum number of points of all groups of an answer.
const MaxGroupPoints = 100_000

// Grouping says how events are grouped.
type Grouping struct {
	By       [2]Dimension // the second may be NoDimension
	Header   string       // the name of the header for DimensionHeader; in lower case
	Top      int          // the number of groups to list, at most MaxGroups
	Interval Interval     // of the groups' points; 0 is none
	Sent     bool         // count the emails sent in each group too
}

// Has reports whether events are grouped by d.
func (g *Grouping) Has(d Dimension) bool { return g.By[0] == d || g.By[1] == d }

// Names returns the names of the dimensions in the REST API, separated by sep.
func (g *Grouping) Names(sep string) string {
	if g.By[1] == NoDimension {
		return g.By[0].String()
	}
	return g.By[0].String() + sep + g.By[1].String()
}

// Comparable reports whether emails can be grouped in the same way, so that they can be counted as sent.
func (g *Grouping) Comparable() bool {
	for _, d := range g.By {
		if d != NoDimension && !slices.Contains(shared, d) {
			return false
		}
	}
	return true
}

// Check returns an [InvalidArgument] error if events of kind k cannot be grouped so in a window. Its parameter is by,
// header, top or interval. The names of dimensions in its message are written by name.
func (g *Grouping) Check(k Kind, w Window, name func(Dimension) string) error {
	fail := func(parameter, format string, args ...any) error {
		return &Error{Code: InvalidArgument, Parameter: parameter, Message: fmt.Sprintf(format, args...)}
	}
	for i, d := range g.By {
		switch {
		case d == NoDimension && i > 0:
		case !slices.Contains(k.Dimensions(), d):
			return fail("by", "by must be one or two of %s", k.dimensionNames(name))
		case i > 0 && d == g.By[0]:
			return fail("by", "by has %s twice", name(d))
		}
	}
	switch header := g.Has(DimensionHeader); {
	case header && g.Header == "":
		return fail("header", "header is missing: grouping by %s needs the header's name, such as X-Campaign",
			name(DimensionHeader))
	case !header && g.Header != "":
		return fail("header", "header is only for grouping by %s", name(DimensionHeader))
	case header && !IsHeaderName(g.Header):
		return fail("header", "header must be a header's name: %s", HeaderNameForm)
	case g.Top < 1 || g.Top > MaxGroups:
		return fail("top", "top is %d, but must be from 1 to %d", g.Top, MaxGroups)
	}
	if g.Top > g.MaxTop(w) {
		return fail("interval", "the series of %d groups would have %d points each, "+
			"and at most %d in all are allowed: use a lower top, a longer interval or a shorter window",
			g.Top, g.Points(w), MaxGroupPoints)
	}
	return nil
}

// MaxTop returns the maximum number of groups that a call about a window may list. It is 0 if the series of a single
// one would be too long.
func (g *Grouping) MaxTop(w Window) int {
	if g.Interval == 0 {
		return MaxGroups
	}
	return int(min(MaxGroups, MaxGroupPoints/g.Points(w)))
}

// Points returns the number of buckets of a window.
func (g *Grouping) Points(w Window) Time {
	return (w.End-1-g.Interval.Floor(w.Start))/g.Interval.Seconds() + 1
}

// SentQuery returns the question about the emails with which the events of q are compared: filters that only some kinds
// have are left out.
func (q Question) SentQuery() Question {
	q.Kind, q.Sent, q.Interval = Emails, false, 0
	for _, f := range kind.Filters {
		q.SetFilter(f.Filter, "")
	}
	return q
}

// GroupsPath returns the path of the kind's groups, such as "/bounces/groups". They are an extension of the API.
func (k Kind) GroupsPath() string { return kind.All[k].List + "/groups" }

// Groups are the events of a list by groups. The counts of Groups and Other add up to Total.
type Groups struct {
	Total  int64   // of all events
	Groups []Group // the largest, ordered by count, and then by keys
	Other  Other
	// Inexact says that groups may lack events, which are among the others.
	Inexact bool
}

// Keys are the values of the two dimensions of a group, as texts; with one dimension, the second is empty. An event
// that lacks a property, such as a header, is in the group of the empty text.
type Keys [2]string

// Group is a group of events.
type Group struct {
	Keys   Keys
	Sender string // the sender's address, if events are grouped by sender
	Count  int64
	Sent   int64 // the number of emails sent, if asked for
	Points []GroupPoint
}

// GroupPoint is the number of events of a group in an hour or day. Those without events are left out.
type GroupPoint struct {
	Start Time
	Count int64
}

// Other is the groups that are not listed.
type Other struct {
	Groups int64
	Count  int64
}

// compare orders groups.
func (g *Group) compare(o *Group) int {
	return cmp.Or(cmp.Compare(o.Count, g.Count),
		strings.Compare(g.Keys[0], o.Keys[0]), strings.Compare(g.Keys[1], o.Keys[1]))
}

// Grouper adds up events by their keys and finds the largest groups.
type Grouper struct {
	// Top is how many groups to list.
	Top int
	// Distinct says that each key is added only once, so that smaller groups need not be kept.
	Distinct bool

	counts map[Keys]int64
	groups Groups // with Distinct
}

// Add counts n events.
func (g *Grouper) Add(k Keys, n int64) {
	if n == 0 {
		return
	}
	if !g.Distinct {
		if g.counts == nil {
			g.counts = map[Keys]int64{}
		}
		g.counts[k] += n
		return
	}
	g.add(Group{Keys: k, Count: n})
	if len(g.groups.Groups) >= 4*g.Top+1024 {
		g.groups.list(g.Top)
	}
}

func (g *Grouper) add(x Group) {
	g.groups.Groups = append(g.groups.Groups, x)
	g.groups.Total += x.Count
}

// list keeps the largest groups, in order. The rest are among the others.
func (g *Groups) list(top int) {
	slices.SortFunc(g.Groups, func(a, b Group) int { return a.compare(&b) })
	for _, x := range g.Groups[min(top, len(g.Groups)):] {
		g.Other.Groups++
		g.Other.Count += x.Count
	}
	g.Groups = g.Groups[:min(top, len(g.Groups))]
}

// Groups returns the groups. Call it once, last.
func (g *Grouper) Groups() Groups {
	if !g.Distinct {
		g.groups.Groups = make([]Group, 0, len(g.counts))
		for k, n := range g.counts {
			g.add(Group{Keys: k, Count: n})
		}
	}
	if g.groups.Groups == nil {
		g.groups.Groups = []Group{}
	}
	g.groups.list(g.Top)
	return g.groups
}

// GroupIndex finds groups by their keys.
func (g *Groups) GroupIndex() map[Keys]*Group {
	of := make(map[Keys]*Group, len(g.Groups))
	for i := range g.Groups {
		of[g.Groups[i].Keys] = &g.Groups[i]
	}
	return of
}

// AddPoint counts n events of the bucket that starts at t. It is fastest in order of time.
func (g *Group) AddPoint(t Time, n int64) {
	i, found := len(g.Points), false
	if i > 0 && g.Points[i-1].Start >= t {
		i, found = slices.BinarySearchFunc(g.Points, t, func(p GroupPoint, t Time) int {
			return cmp.Compare(p.Start, t)
		})
	}
	if found {
		g.Points[i].Count += n
		return
	}
	g.Points = slices.Insert(g.Points, i, GroupPoint{t, n})
}

// MergeGroups adds up groups of different events by their keys, and lists the largest.
func MergeGroups(top int, all ...Groups) (sum Groups) {
	of := map[Keys]*Group{}
	for _, a := range all {
		sum.Total += a.Total
		sum.Other.Groups += a.Other.Groups
		sum.Other.Count += a.Other.Count
		sum.Inexact = sum.Inexact || a.Inexact || len(all) > 1 && a.Other.Count > 0
		for _, g := range a.Groups {
			known := of[g.Keys]
			if known == nil {
				known = &Group{Keys: g.Keys, Sender: g.Sender}
				of[g.Keys] = known
			}
			known.Count += g.Count
			known.Sent += g.Sent
			if len(known.Points) == 0 {
				known.Points = slices.Clone(g.Points)
				continue
			}
			for _, p := range g.Points {
				known.AddPoint(p.Start, p.Count)
			}
		}
	}
	sum.Groups = make([]Group, 0, len(of))
	for _, g := range of {
		sum.Groups = append(sum.Groups, *g)
	}
	sum.list(top)
	return sum
}

// Weekday returns the name of the weekday of t, as a key of [DimensionWeekday].
func (t Time) Weekday() string { return strings.ToLower(t.UTC().Weekday().String()) }
