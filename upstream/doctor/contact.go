package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"deliverygraph/upstream"
)

// greetings are the questions with which an examination begins.
var greetings = append(catalogueQuestions(),
	upstream.CountQuery{Window: upstream.Window{Start: 1479772800, End: 1479776400}}.Question(upstream.Emails))

// contact checks whether a server of the metrics API is there and accepts the key. If not, it returns one sentence that
// says why, and the examination ends. It tries up to three endpoints, since a single one may be missing or broken.
func (e *exam) contact(ctx context.Context) (trouble string) {
	all := make([]answer, len(greetings))
	for i, q := range greetings {
		all[i] = e.ask.get(ctx, q.Path(), q.Encode())
		if i == 0 && (all[i].err != nil || all[i].status == http.StatusBadRequest) && e.ask.speaksTLS(ctx) {
			return "The server cannot be reached: it speaks TLS, so the URL should begin with https://."
		}
		if trouble := e.shutOut(all[i]); trouble != "" {
			return trouble
		}
		if _, err := q.Decode(string(all[i].body)); all[i].fault == "" && err == nil {
			return ""
		}
		if i == 1 && all[0].err != nil && all[1].err != nil {
			return fmt.Sprintf("The server cannot be reached: %s.", all[0].fault)
		}
	}
	first, second, third := all[0], all[1], all[2]
	switch {
	case looksLikeHTML(first) || looksLikeHTML(second):
		return "There is a web site at this URL, not the metrics API: it answers with HTML pages."
	case first.status == http.StatusNotFound && third.status == http.StatusNotFound:
		return "The server does not have the metrics API at this URL (status 404): " +
			"is a part of the path missing, such as /v4?"
	case first.status == http.StatusServiceUnavailable || first.status == http.StatusTooManyRequests:
		return fmt.Sprintf("The server is overloaded or in maintenance (%s): try again later.", first.fault)
	case first.fault != "":
		return fmt.Sprintf("The server does not answer as the metrics API does: %s returns %s.", first.shown,
			first.fault)
	}
	return fmt.Sprintf("The server does not answer as the metrics API does: %s returns JSON that is not a list "+
		"of codes.", first.shown)
}

// shutOut returns why the server will refuse every request, or "" if it will not.
func (e *exam) shutOut(a answer) string {
	switch {
	case upstream.CodeOfStatus(a.status) == upstream.Unauthenticated && e.ask.key == "":
		return fmt.Sprintf("The server asks for an API key (status %d), but none was given.", a.status)
	case upstream.CodeOfStatus(a.status) == upstream.Unauthenticated:
		return fmt.Sprintf("The server refuses the API key (status %d).", a.status)
	case a.status >= 300 && a.status < 400:
		to, instead := e.redirect(a)
		return fmt.Sprintf("The server redirects to %s, but the gateway does not follow redirects: give %s.", to,
			instead)
	}
	return ""
}

// redirect returns the URL that a redirect leads to, without a query, which may hold secrets, and what to give instead
// of this server's. If it leads to the same endpoint elsewhere, the URL is without the endpoint's path.
func (e *exam) redirect(a answer) (target, instead string) {
	const other, itself = "another URL", "the URL of the metrics API itself"
	base, err := url.Parse(e.ask.base + "/")
	if err != nil {
		return other, itself
	}
	to, err := base.Parse(a.header.Get("Location"))
	if err != nil || a.header.Get("Location") == "" {
		return other, itself
	}
	shown := url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}
	for _, q := range greetings {
		path, found := strings.CutSuffix(strings.TrimSuffix(to.Path, "/"), q.Path())
		elsewhere := url.URL{Scheme: to.Scheme, Host: to.Host, Path: path}
		if found && elsewhere.String() != e.ask.base {
			return e.ask.clean(elsewhere.String()), "that URL instead"
		}
	}
	return e.ask.clean(shown.String()), itself
}
