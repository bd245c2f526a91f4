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
	"deliverygraph/upstream/embedded/store/sqlite"
)

type reclassifyCommand struct {
	Data   string `required:"" placeholder:"FILE" help:"The store whose bounces to sort. A gateway may be serving it."`
	Rules  string `placeholder:"FILE" help:"Rules of your own, which add to the embedded ones or replace them."`
	All    bool   `help:"Also sort bounces whose source assigned the category, as PowerMTA and delivery services do."`
	DryRun bool   `help:"Print what would change without changing it."`
}

// Run sorts the bounces.
func (c *reclassifyCommand) Run(ctx context.Context, s Streams) (err error) {
	rules, err := loadRules(c.Rules)
	if err != nil {
		return err
	}
	db, err := openData(ctx, sqlite.Options{
		Path: c.Data, MustExist: true, Waiting: waiting(ctx, noteOfWait(s.Err, c.Data)),
	})
	if err != nil && inClickHouse(c.Data) {
		return badData(c.Data, err, "")
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	r := reclassification{rules: rules, all: c.All, changes: make(map[change]int)}
	changed, err := db.Reclassify(ctx, c.DryRun, r.sort)
	return errors.Join(err, r.report(s, changed, c.DryRun))
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
	verb := "changed"
	if dry {
		verb = "would change"
	}
	fmt.Fprintf(s.Err, "%s: %d %s, %d that no rule matches\n", english.Plural(r.seen, "bounce", ""), changed, verb,
		r.unknown)
	return out.Flush()
}
