package upstream_test

import (
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"

	. "deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

func rowsOf[T any](row func(value) T) func(value) []T {
	return func(v value) []T {
		// Every data is checked for errors; the last one gives the rows.
		if v.kind == '{' {
			v.each(func(key string, v value) {
				if key == "data" && v.kind != 'n' {
					for _, e := range v.array() {
						row(e)
					}
				}
			})
		}
		var rows []T
		for _, e := range v.data().list {
			rows = append(rows, row(e))
		}
		return rows
	}
}

// recipient completes an address and its parts from each other.
func recipient(address, local, domain string) (string, string, string) {
	if address == "" {
		if address = local; domain != "" {
			address += "@" + domain
		}
	}
	if local == "" && domain == "" {
		at := strings.LastIndex(address, "@")
		if at < 0 {
			return address, address, ""
		}
		return address, address[:at], address[at+1:]
	}
	return address, local, domain
}

// fieldsOf returns the fields of the rows of a kind, or of its detail, by their REST names.
func fieldsOf(k Kind, detail bool) map[string]kind.Field {
	fields := map[string]kind.Field{}
	for _, f := range kind.All[k].Fields {
		if detail || !f.Detail {
			fields[f.REST] = f
		}
	}
	return fields
}

// rowType returns the type of the rows of a kind, or of its detail.
func rowType(k Kind, detail bool) reflect.Type {
	if detail {
		return reflect.TypeFor[BounceDetail]()
	}
	none, _ := DecodePage(k, `{"data":[]}`)
	return reflect.TypeOf(none.Rows()).Elem()
}

// readRow reads a row by the description of its kind. Members that it does not have are skipped, and so may have any
// type.
func readRow(k Kind, detail bool) func(value) any {
	fields := fieldsOf(k, detail)
	required := func(f kind.Field) bool { return f.Presence == kind.Required || f.REST == kind.All[k].Time }
	return func(v value) any {
		row := reflect.New(rowType(k, detail)).Elem()
		missing := map[string]bool{}
		for _, f := range fields {
			missing[f.REST] = required(f)
		}
		v.each(func(key string, v value) {
			f, ok := fields[key]
			if !ok {
				return
			}
			to := row.FieldByName(f.Name)
			switch f.Type {
			case kind.ID:
				to.SetInt(int64(v.id()))
			case kind.Time:
				to.SetInt(int64(v.time()))
			case kind.Flag:
				check(v.kind == 't' || v.kind == 'f' || v.kind == 'n', "not a boolean")
				to.SetBool(v.kind == 't')
			case kind.Headers:
				to.Set(reflect.ValueOf(v.headers()))
			default:
				to.SetString(v.str())
			}
			if required(f) {
				missing[key] = to.IsZero() && (f.Type != kind.Flag || v.kind == 'n')
			}
		})
		for _, m := range missing {
			check(!m, "incomplete")
		}
		address, local, domain := row.FieldByName("EmailAddress"), row.FieldByName("Local"), row.FieldByName("Domain")
		a, l, d := recipient(address.String(), local.String(), domain.String())
		address.SetString(a)
		local.SetString(l)
		domain.SetString(d)
		return row.Interface()
	}
}

// readPage reads the answer to a list's question, such as a []Bounce.
func readPage(k Kind) func(value) any {
	read := rowsOf(readRow(k, false))
	return func(v value) any { return sliceOf(k, read(v)) }
}

// sliceOf returns rows of a kind as a slice of their type.
func sliceOf(k Kind, rows []any) any {
	all := reflect.MakeSlice(reflect.SliceOf(rowType(k, false)), 0, len(rows))
	for _, row := range rows {
		all = reflect.Append(all, reflect.ValueOf(row))
	}
	return all.Interface()
}

func readDetail(v value) BounceDetail { return readRow(Bounces, true)(v).(BounceDetail) }

func readEmail(v value) Email { return readRow(Emails, false)(v).(Email) }

func readCode(v value) string {
	check(v.str() != "", "no code")
	return v.text
}

// readTally reads the counts of a row.
func readTally(v value, k Kind) Tally {
	n := map[string]*int64{}
	v.each(func(key string, v value) {
		switch key {
		case "sent_count", "bounce_count", "soft_bounce_count", "hard_bounce_count", "blocked_email_count":
			n[key] = v.count()
		}
	})
	first := func(keys ...string) int64 {
		for _, key := range keys {
			if c := n[key]; c != nil {
				return *c
			}
		}
		check(false, "no count")
		return 0
	}
	switch k {
	case Bounces:
	case Emails:
		return Tally{Total: first("sent_count")}
	default:
		return Tally{Total: first("blocked_email_count", "bounce_count")}
	}
	soft, hard := n["soft_bounce_count"], n["hard_bounce_count"]
	if soft == nil && hard == nil {
		return Tally{Total: first("bounce_count")}
	}
	zero := int64(0)
	total := n["bounce_count"]
	if total == nil {
		total = &zero
	}
	if soft == nil {
		rest := max(0, *total-*hard)
		soft = &rest
	}
	if hard == nil {
		rest := max(0, *total-*soft)
		hard = &rest
	}
	sum := new(big.Int).Add(big.NewInt(*soft), big.NewInt(*hard))
	check(sum.IsInt64(), "too large")
	return Tally{Total: sum.Int64(), Soft: *soft, Hard: *hard}
}

func readCounts(k Kind, r Rollup) func(value) []Count {
	rows := rowsOf(func(v value) Count {
		var c Count
		v.each(func(key string, v value) {
			switch {
			case r == BySender && key == "sender_id", r == ByUser && key == "user_id":
				c.ID = v.id()
			case r == BySender && key == "sender":
				c.Sender = v.str()
			}
		})
		check(c.ID > 0, "incomplete")
		c.Tally = readTally(v, k)
		return c
	})
	return func(v value) []Count {
		cs := rows(v)
		slices.SortStableFunc(cs, func(a, b Count) int { return int(min(max(a.ID-b.ID, -1), 1)) })
		return cs
	}
}

func readSeries(k Kind) func(value) []Series {
	one := func(v value) []Series {
		if v.kind == 'n' || v.kind == '[' && len(v.list) == 0 {
			return nil
		}
		byID := map[ID][]Point{}
		v.each(func(key string, v value) {
			id, err := strconv.ParseInt(key, 10, 64)
			check(err == nil && id > 0, "not an id")
			points := []Point(nil)
			for _, e := range v.array() {
				var p Point
				timed := false
				e.each(func(key string, v value) {
					if key == "timestamp" {
						p.Start, timed = v.time(), v.kind != 'n'
					}
				})
				check(timed, "no timestamp")
				p.Tally = readTally(e, k)
				points = append(points, p)
			}
			slices.SortStableFunc(points, func(a, b Point) int { return int(min(max(a.Start-b.Start, -1), 1)) })
			byID[ID(id)] = points
		})
		var all []Series
		for id, points := range byID {
			all = append(all, Series{ID: id, Points: points})
		}
		slices.SortFunc(all, func(a, b Series) int { return int(min(max(a.ID-b.ID, -1), 1)) })
		return all
	}
	return func(v value) []Series {
		if v.kind == '[' {
			return one(v)
		}
		if v.kind == '{' && slices.Contains(v.keys, "data") {
			v.each(func(key string, v value) {
				if key == "data" {
					one(v)
				}
			})
		}
		return one(v.objectData())
	}
}

// readDetails is readDetail for an answer.
func readDetails(v value) BounceDetail {
	check(v.kind == '{', "not an object")
	if slices.Contains(v.keys, "data") {
		v.each(func(key string, v value) {
			if key == "data" && v.kind != 'n' {
				readDetail(v)
			}
		})
	}
	return readDetail(v.objectData())
}
