package dsn

import (
	"bytes"
	"html"
	"io"
	"regexp"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // decodes the charsets of parts
	"github.com/emersion/go-message/textproto"
)

const (
	// mostParts limits the parts that are read, at all depths together.
	mostParts = 200
	// mostText limits the bytes that are decoded of a part. Only a returned message is longer.
	mostText = 256 << 10
	// mostMarkup limits the bytes that are read of HTML.
	mostMarkup = 4 * mostText
)

// parts are the parts of a bounce message by their role.
type parts struct {
	notice   string // the text for people
	markup   string // the same as HTML
	status   string // the delivery report (RFC 3464)
	original string // the returned message or its header
	kinds    map[string]bool
	count    int
}

// normalise converts the line ends of a mail to LF and removes a leading mbox line.
func normalise(mail string) string {
	if strings.IndexByte(mail, '\r') >= 0 {
		mail = strings.ReplaceAll(mail, "\r\n", "\n")
		if !strings.Contains(mail, "\n") || strings.IndexByte(mail, '\n') > strings.IndexByte(mail, '\r') {
			mail = strings.ReplaceAll(mail, "\r", "\n")
		}
	}
	mail = strings.TrimLeft(mail, "\n")
	for strings.HasPrefix(mail, "From ") || strings.HasPrefix(mail, ">From ") {
		_, mail = cutLine(mail)
	}
	return mail
}

// take adds the parts of an entity.
func (p *parts) take(h header, body string, depth int) {
	var th textproto.Header
	for i := len(h) - 1; i >= 0; i-- { // Add adds a field before the others
		if f := h[i]; len(f.name) > len("content-") && strings.EqualFold(f.name[:len("content-")], "content-") {
			th.Add(f.name, strings.TrimRight(f.value, "; "))
		}
	}
	entity, _ := message.New(message.Header{Header: th}, strings.NewReader(repairBoundary(h, body)))
	if entity == nil { // an unknown transfer encoding
		th.Del("Content-Transfer-Encoding")
		if entity, _ = message.New(message.Header{Header: th}, strings.NewReader(body)); entity == nil {
			p.notice += body
			return
		}
	}
	before := p.count
	p.entity(entity, depth)
	if p.count == before || p.status+p.original == "" && strings.TrimSpace(p.notice+p.markup) == "" {
		p.notice = body // a multipart entity whose parts are missing or damaged
	}
}

// entity adds a part, or the parts inside it.
func (p *parts) entity(e *message.Entity, depth int) {
	kind, params, _ := e.Header.ContentType()
	kind = strings.ToLower(kind)
	p.kinds[kind] = true
	if report := strings.ToLower(params["report-type"]); report != "" {
		p.kinds["report/"+report] = true
	}
	if multipart := e.MultipartReader(); multipart != nil && depth < 8 {
		for p.count < mostParts {
			part, err := multipart.NextPart()
			if part == nil {
				break
			}
			if err == nil || message.IsUnknownCharset(err) || message.IsUnknownEncoding(err) {
				p.entity(part, depth+1)
			}
		}
		return
	}
	p.count++
	var text bytes.Buffer
	_, _ = io.CopyN(&text, e.Body, mostText) // damaged base64 yields what precedes the damage
	body := strings.ReplaceAll(text.String(), "\r\n", "\n")
	switch {
	case strings.HasPrefix(kind, "message/") && strings.HasSuffix(kind, "delivery-status"): // also global- and x-
		p.status += "\n\n" + body
	case kind == "message/rfc822" || kind == "message/global" || kind == "text/rfc822-headers" ||
		kind == "message/rfc822-headers" || kind == "message/global-headers":
		if p.original == "" {
			p.original = body
		}
	case p.original != "" || strings.HasPrefix(kind, "message/"):
	case isOriginal(e.Header):
		p.original = headerText(e.Header) + "\n" + body
	case kind == "text/html":
		p.markup += "\n" + body
	case kind == "" || strings.HasPrefix(kind, "text/"):
		p.notice += "\n" + body
	}
}

// isOriginal reports whether a part begins with the header of a message: some servers use
// the returned message itself as a part.
func isOriginal(h message.Header) bool {
	n := 0
	for _, name := range []string{"Received", "Return-Path", "Message-Id", "From", "To", "Subject", "Date"} {
		if h.Has(name) {
			n++
		}
	}
	return n >= 3
}

func headerText(h message.Header) string {
	var b strings.Builder
	for f := h.Fields(); f.Next(); {
		b.WriteString(f.Key() + ": " + f.Value() + "\n")
	}
	return b.String()
}

// repairBoundary removes the space that some servers put before a boundary.
func repairBoundary(h header, body string) string {
	ct := message.Header{}
	ct.Set("Content-Type", h.get("Content-Type"))
	_, params, _ := ct.ContentType()
	boundary := params["boundary"]
	if boundary == "" || !strings.Contains(body, "\n --"+boundary) {
		return body
	}
	return strings.ReplaceAll(body, "\n --"+boundary, "\n--"+boundary)
}

var (
	unseen     = regexp.MustCompile(`(?is)<(style|script|head|title)\b.*?</(?:style|script|head|title)>|<!--.*?-->`)
	lineBreaks = regexp.MustCompile(`(?i)<(?:br|/p|/div|/tr|/h\d|/li)\b[^>]*>`)
	tags       = regexp.MustCompile(`<[/!a-zA-Z][^>@]*>`)
)

// plain converts HTML to text.
func plain(markup string) string {
	markup = unseen.ReplaceAllLiteralString(markup, " ")
	markup = lineBreaks.ReplaceAllLiteralString(markup, "\n")
	return html.UnescapeString(tags.ReplaceAllLiteralString(markup, " "))
}
