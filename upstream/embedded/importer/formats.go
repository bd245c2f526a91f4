package importer

import (
	"slices"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/dsn"
	"deliverygraph/upstream/embedded/importer/format/exim"
	"deliverygraph/upstream/embedded/importer/format/postfix"
	"deliverygraph/upstream/embedded/importer/format/services"
)

// Formats are the formats that can be imported other than rows of the API, in the order in which they are tried on a
// file's content. Postfix is last, as it takes the logs of other mail programs too.
var Formats = []format.Format{
	services.SES, services.SendGrid, services.Mailgun, services.Postmark, services.SparkPost, services.Mailjet,
	services.Brevo, services.KumoMTA, services.PowerMTA, dsn.Format, exim.Format, postfix.Format,
}

// find returns the format that a function accepts.
func find(accept func(format.Format) bool) (of format.Format, ok bool) {
	if i := slices.IndexFunc(Formats, accept); i >= 0 {
		return Formats[i], true
	}
	return format.Format{}, false
}

// byName returns the format with a name, which may be [Rows].
func byName(name string) (format.Format, bool) {
	if name == Rows {
		return rowsFormat, true
	}
	return find(func(f format.Format) bool { return f.Name == name })
}

// byHead returns the format of a file that begins with head.
func byHead(head []byte) (format.Format, bool) {
	return find(func(f format.Format) bool { return f.Recognise(head) })
}
