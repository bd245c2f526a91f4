package services

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"deliverygraph/upstream/embedded/importer/format"
)

// PowerMTA is the accounting file of PowerMTA: CSV whose columns each site chooses.
var PowerMTA = service{
	name: "powermta", about: "PowerMTA accounting files (CSV)",
	recognise: func(_ beginning, head []byte) bool {
		names := firstRow(head)
		has := func(name string) bool {
			return slices.ContainsFunc(newColumns(names), func(m member) bool { return string(m.name) == name })
		}
		return isPowerMTATable(names) && has("rcpt") &&
			slices.ContainsFunc([]string{"timelogged", "timequeued", "dsnstatus", "bouncecat"}, has)
	},
	columns: isPowerMTATable, row: readPowerMTARow, local: true,
	time: "neither timeLogged nor timeQueued is a time", needs: "the row has no rcpt",
	events: map[string]meaning{
		"d": delivered, "t": skip("deferral"), "tq": skip("deferral"), "r": skip("received mail"),
		"f": skip("complaint"), "rs": skip("status report"), "": skip("other event"),
	},
}.format()

// isPowerMTATable reports whether a row names the columns. Files may have several such rows.
func isPowerMTATable(row []string) bool {
	return len(row) > 1 && strings.EqualFold(strings.TrimPrefix(row[0], "#"), "type")
}

// headerColumn is the beginning of the names of columns with a header of the message.
const headerColumn = "header_"

func readPowerMTARow(r *reader, o object) error {
	get := func(name string) string { return strings.TrimSpace(o.get(name)) }
	logged, queued := get("timelogged"), get("timequeued")
	e := event{
		at: []string{logged, queued}, accepted: []string{queued, logged}, account: cmp.Or(get("vmtapool"), get("vmta")),
		sender: get("orig"), recipients: []string{get("rcpt")},
		code: format.Code(get("dsnstatus")), diagnostic: get("dsndiag"),
	}
	for _, m := range o.members {
		if name, ok := bytes.CutPrefix(m.name, []byte(headerColumn)); ok && m.text != "" {
			e.custom(string(name), m.text)
			if strings.EqualFold(string(name), "message-id") {
				e.id = cmp.Or(e.id, format.MessageID(m.text))
			}
		}
	}
	if e.id == "" { // of the whole row, so that the same row has the same id in every import
		sum := sha256.Sum256([]byte(strings.Join(r.values, "\x00")))
		e.madeID = hex.EncodeToString(sum[:8])
	}
	switch kind := get("type"); kind {
	case "b", "rb": // at once, or by a bounce message later
		return r.as(bounced("", get("bouncecat")), e)
	default:
		return r.take(kind, e)
	}
}
