package sqlite

import (
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/sqlite/database"
)

// counts are the changes of event_count in a transaction.
type counts map[counted]*[24]int64

// counted identifies a row of event_count, which counts events hour by hour.
type counted struct {
	kind   *kind
	day    upstream.Time
	user   upstream.ID
	sender upstream.ID
	typ    string
}

// add counts n more of an event.
func (c counts) add(k *kind, r *row, n int64) {
	key := counted{k, upstream.Day.Floor(r.Time), r.UserID, r.SenderID, r.countedAs(k)}
	hours := c[key]
	if hours == nil {
		hours = new([24]int64)
		c[key] = hours
	}
	hours[(r.Time-key.day)/hour] += n
}

const hourList = "h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, " +
	"h21, h22, h23"

var addCounts = func() string {
	query := "insert into event_count values (" + placeholders(6+24) + ")" +
		" on conflict do update set total = total + excluded.total"
	for h := range strings.SplitSeq(hourList, ", ") {
		query += ", " + h + " = " + h + " + excluded." + h
	}
	return query
}()

// write adds the changes to the counts of the store.
func (c counts) write(conn *database.Conn) {
	for k, hours := range c {
		if *hours == ([24]int64{}) {
			continue
		}
		args := []any{k.kind.table, int64(k.day), int64(k.user), int64(k.sender), k.typ, int64(0)}
		sum := int64(0)
		for _, n := range hours {
			args = append(args, n)
			sum += n
		}
		args[5] = sum
		conn.Exec(addCounts, args...)
		if sum < 0 {
			conn.Exec("delete from event_count"+
				" where kind = ? and day = ? and user_id = ? and sender_id = ? and type = ? and total = 0", args[:5]...)
		}
	}
}
