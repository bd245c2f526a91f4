package mailgun

import (
	"context"
	"net/mail"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/csvfile"
	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// bounce is an entry of a domain's bounce list, which has permanent failures only. It names neither the message nor its
// sender.
type bounce struct {
	Address jsonfile.Text `json:"address"`
	Code    jsonfile.Text `json:"code"`
	Error   jsonfile.Text `json:"error"`
	Created jsonfile.Text `json:"created_at"` // such as Fri, 21 Oct 2011 11:02:55 GMT
}

// isList reports whether a row names the columns of a bounce list in CSV: see
// https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/bounces/post-v3--domainid--bounces-import.
func isList(row []string) bool {
	for _, name := range [...]string{"address", "code", "error", "created_at"} {
		if !slices.Contains(row, name) {
			return false
		}
	}
	return true
}

func (b *bounce) read(line int, s format.Sink) error {
	r := format.Record{Outcome: format.Bounced, Type: upstream.Hard, Recipient: format.Address(string(b.Address)),
		Code: format.Code(string(b.Error)), Diagnostic: string(withCode(b.Code, b.Error))}
	var ok bool
	if r.Time, ok = format.ParseTime(string(b.Created), nil); !ok {
		at, err := mail.ParseDate(string(b.Created))
		if err != nil || at.Unix() <= 0 {
			return s.Bad(line, "created_at must be a time such as Fri, 21 Oct 2011 11:02:55 GMT")
		}
		r.Time = upstream.Time(at.Unix())
	}
	if r.Recipient == "" {
		return s.Bad(line, "the bounce has no address")
	}
	r.Processed, r.EmailID = r.Time, format.QueueID(r.Time, "mailgun", "", "")
	return s.Record(line, r)
}

// reader reads events, and bounce lists.
type reader struct{ events format.Reader }

// Read reads a file of events, or a bounce list.
func (r reader) Read(ctx context.Context, f format.File, s format.Sink) error {
	if !isList(csvfile.First(f.Beginning())) {
		return r.events.Read(ctx, f, s)
	}
	var header []string
	return csvfile.Each(ctx, f, s, func(n int, row []string) error {
		if isList(row) {
			header = slices.Clone(row)
			return nil
		}
		var b bounce
		fields := map[string]*jsonfile.Text{
			"address": &b.Address, "code": &b.Code, "error": &b.Error, "created_at": &b.Created,
		}
		for i, value := range row[:min(len(row), len(header))] {
			if field := fields[header[i]]; field != nil {
				*field = jsonfile.Text(value)
			}
		}
		return b.read(n, s)
	})
}
