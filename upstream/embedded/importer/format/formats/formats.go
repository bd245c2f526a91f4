// Package formats is the table of the formats that the import reads beside the rows of the API.
package formats

import (
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/brevo"
	"deliverygraph/upstream/embedded/importer/format/dsn"
	"deliverygraph/upstream/embedded/importer/format/exim"
	"deliverygraph/upstream/embedded/importer/format/kumomta"
	"deliverygraph/upstream/embedded/importer/format/mailgun"
	"deliverygraph/upstream/embedded/importer/format/mailjet"
	"deliverygraph/upstream/embedded/importer/format/postfix"
	"deliverygraph/upstream/embedded/importer/format/postmark"
	"deliverygraph/upstream/embedded/importer/format/powermta"
	"deliverygraph/upstream/embedded/importer/format/sendgrid"
	"deliverygraph/upstream/embedded/importer/format/ses"
	"deliverygraph/upstream/embedded/importer/format/sparkpost"
)

// All are the formats, in the order in which they are tried on a file's content. Postfix is
// last, as it takes the logs of other mail programs too.
var All = []format.Format{
	ses.Format, sendgrid.Format, mailgun.Format, postmark.Format, sparkpost.Format, mailjet.Format, brevo.Format,
	kumomta.Format,
	powermta.Format, dsn.Format, exim.Format, postfix.Format,
}

// Find returns the format of a name.
func Find(name string) (format.Format, bool) {
	for _, f := range All {
		if f.Name == name {
			return f, true
		}
	}
	return format.Format{}, false
}

// Recognise returns the format of a file that begins with head.
func Recognise(head []byte) (format.Format, bool) {
	for _, f := range All {
		if f.Recognise(head) {
			return f, true
		}
	}
	return format.Format{}, false
}
