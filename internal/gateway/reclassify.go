package gateway

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"deliverygraph/internal/classify"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

type reclassifyCommand struct {
	storeFlags
	Rules  string `placeholder:"FILE"`
	All    bool
	DryRun bool
}

// Run sorts the bounces.
func (c *reclassifyCommand) Run(ctx context.Context, s Streams) error {
	rules, err := loadRules(c.Rules)
	if err != nil {
		return err
	}
	r := reclassification{rules: rules, all: c.All, changes: make(map[change]int)}
	return c.with(ctx, s, func(db store.Store) error {
		changed, err := db.Reclassify(ctx, c.DryRun, r.sort)
		return errors.Join(err, r.report(s, changed, c.DryRun))
	})
}

// reclassification counts what was found so far.
type reclassification struct {
	rules   *classify.Rules
	all     bool
	changes map[change]int
	seen    int
	unknown int // matched by no rule
}

// change is how a bounce was sorted before and is sorted now.
type change struct {
	from, to         string
	fromType, toType upstream.BounceType
}

// sort returns how a bounce is to be sorted, and counts it if that changes.
func (r *reclassification) sort(d upstream.BounceDetail) store.Class {
	r.seen++
	before := store.Class{Type: d.Type, Category: d.Category, Rule: d.RuleName}
	if d.RuleName == "" && d.Category != classify.Unclassified && !r.all {
		return before
	}
	rule := r.rules.Classify(d.Code, d.DiagnosticCode, noticeOf(d)).Rule
	if d.RuleName == "" && d.Category == "message-expired" { // the source knew that time ran out
		rule = r.rules.ClassifyExpired(d.Code, d.DiagnosticCode).Rule
	}
	if rule.Name == "" {
		r.unknown++
		return before
	}
	now := store.Class{Type: rule.Type, Category: rule.Category, Rule: rule.Name}
	if now != before {
		r.changes[change{d.Category, rule.Category, d.Type, rule.Type}]++
	}
	return now
}

// report prints what changed.
func (r *reclassification) report(s Streams, changed int, dry bool) error {
	out := bufio.NewWriter(s.Out)
	for _, c := range slices.SortedFunc(maps.Keys(r.changes), func(a, b change) int {
		return cmp.Or(r.changes[b]-r.changes[a], strings.Compare(a.from, b.from), strings.Compare(a.to, b.to),
			cmp.Compare(a.fromType, b.fromType), cmp.Compare(a.toType, b.toType))
	}) {
		fmt.Fprintf(out, "%d\t%s\t%s\t%s\t%s\n", r.changes[c], c.from, c.fromType, c.to, c.toType)
	}
	fmt.Fprintf(s.Err, "%s: %d %s, %d that no rule matches\n", english.Plural(r.seen, "bounce", ""), changed,
		did(dry, "changed", "would change"), r.unknown)
	return out.Flush()
}
