package services

import (
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
		return isPowerMTATable(names) && newColumns(names).has("rcpt") &&
			slices.ContainsFunc([]string{"timelogged", "timequeued", "dsnstatus", "bouncecat"}, newColumns(names).has)
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

func readPowerMTARow(r *reader, row row) error {
	get := func(name string) string { return strings.TrimSpace(row.get(name)) }
	logged, queued := get("timelogged"), get("timequeued")
	e := event{
		at: []string{logged, queued}, accepted: []string{queued, logged}, account: cmp.Or(get("vmtapool"), get("vmta")),
		sender: get("orig"), recipients: []string{get("rcpt")}, id: format.MessageID(get("header_message-id")),
		code: format.Code(get("dsnstatus")), diagnostic: get("dsndiag"),
	}
	if e.id == "" { // of the whole row, so that the same row has the same id in every import
		sum := sha256.Sum256([]byte(strings.Join(row.values, "\x00")))
		e.madeID = hex.EncodeToString(sum[:8])
	}
	for i, name := range row.names {
		if i < len(row.values) && row.values[i] != "" && len(name) > len("header_") &&
			strings.EqualFold(name[:len("header_")], "header_") {
			e.custom(name[len("header_"):], row.values[i])
		}
	}
	switch kind := get("type"); kind {
	case "b", "rb": // at once, or by a bounce message later
		return r.as(bounced("", get("bouncecat")), e)
	default:
		return r.take(kind, e)
	}
}
