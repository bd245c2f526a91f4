package upstream_test

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	. "deliverygraph/upstream"
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

// readShared reads the fields that all rows have, and calls read for the others.
func readShared(v value, read func(key string, v value)) Email {
	var e Email
	v.each(func(key string, v value) {
		switch key {
		case "user_id":
			e.UserID = v.id()
		case "sender_id":
			e.SenderID = v.id()
		case "email_id":
			e.EmailID = v.str()
		case "email_address":
			e.EmailAddress = v.str()
		case "local":
			e.Local = v.str()
		case "domain":
			e.Domain = v.str()
		case "process_time":
			e.ProcessTime = v.time()
		case "xheaders":
			e.XHeaders = v.headers()
		default:
			read(key, v)
		}
	})
	check(e.UserID > 0 && e.SenderID > 0 && e.EmailID != "", "incomplete")
	e.EmailAddress, e.Local, e.Domain = recipient(e.EmailAddress, e.Local, e.Domain)
	return e
}

func readDetail(v value) BounceDetail {
	var d BounceDetail
	e := readShared(v, func(key string, v value) {
		switch key {
		case "bounce_type":
			d.Type = BounceType(v.str())
		case "bounce_category":
			d.Category = v.str()
		case "bounce_code":
			d.Code = v.str()
		case "bounce_time":
			d.BounceTime = v.time()
		case "postback_time":
			d.PostbackTime = v.time()
		case "diagnostic_code":
			d.DiagnosticCode = v.str()
		case "regex_name":
			d.RuleName = v.str()
		case "full_content":
			d.FullContent = v.str()
		}
	})
	check(d.BounceTime != 0, "incomplete")
	d.UserID, d.SenderID, d.EmailID, d.ProcessTime, d.XHeaders = e.UserID, e.SenderID, e.EmailID, e.ProcessTime,
		e.XHeaders
	d.EmailAddress, d.Local, d.Domain = e.EmailAddress, e.Local, e.Domain
	return d
}

// readBounce is readDetail without the fields that a list's row does not have. Such fields are skipped, so they may
// have any type.
func readBounce(v value) Bounce {
	kept := value{kind: v.kind}
	for i, key := range v.keys {
		if key != "diagnostic_code" && key != "regex_name" && key != "full_content" {
			kept.keys = append(kept.keys, key)
			kept.list = append(kept.list, v.list[i])
		}
	}
	return readDetail(kept).Bounce
}

func readEmail(v value) Email {
	delivered, known := false, false
	e := readShared(v, func(key string, v value) {
		if key == "delivered" {
			check(v.kind == 't' || v.kind == 'f' || v.kind == 'n', "not a boolean")
			delivered, known = v.kind == 't', v.kind != 'n'
		}
	})
	check(known && e.ProcessTime != 0, "incomplete")
	e.Delivered = delivered
	return e
}

func readBlockedEmail(v value) BlockedEmail {
	var b BlockedEmail
	e := readShared(v, func(key string, v value) {
		switch key {
		case "postback_time":
			b.PostbackTime = v.time()
		case "blocked_reason":
			b.Reason = v.str()
		}
	})
	check(e.ProcessTime != 0, "incomplete")
	b.UserID, b.SenderID, b.EmailID, b.ProcessTime, b.XHeaders = e.UserID, e.SenderID, e.EmailID, e.ProcessTime,
		e.XHeaders
	b.EmailAddress, b.Local, b.Domain = e.EmailAddress, e.Local, e.Domain
	return b
}

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
	case Emails:
		return Tally{Total: first("sent_count")}
	case BlockedEmails:
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
				e.each(func(key string, v value) {
					if key == "timestamp" {
						p.Start = v.time()
					}
				})
				check(p.Start != 0, "no timestamp")
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
