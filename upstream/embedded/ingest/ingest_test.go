package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/ingest"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
)

// port is a server of webhooks over a store of its own.
type port struct {
	t       *testing.T
	url     string
	store   store.Store
	batches []ingest.Batch
}

func serve(t *testing.T, o ingest.Options) *port {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "metrics.db")})
	if err != nil {
		t.Fatal(err)
	}
	p := &port{t: t, store: s}
	o.Observe = func(b ingest.Batch) { p.batches = append(p.batches, b) }
	server := httptest.NewServer(ingest.New(s, o))
	p.url = server.URL
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

type answer struct {
	Error, Done                       string
	Records, New, Replaced, Unchanged int
	Skipped                           map[string]int
	Bad                               []struct {
		Record int
		Reason string
	}
}

// post sends a body, and gives the answer.
func (p *port) post(path string, body []byte, header ...string) (status int, a answer) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		p.t.Fatalf("%v: %s", err, text)
	}
	return resp.StatusCode, a
}

// rows returns what the store has, in short, in an order of its own.
func (p *port) rows() []string {
	p.t.Helper()
	events := storetest.Events(p.t, p.store)
	var list []string
	for _, e := range events[upstream.Emails] {
		list = append(list, fmt.Sprintf("email %s user %d delivered %v", e.Recipient, e.UserID, e.Delivered))
	}
	for _, b := range events[upstream.Bounces] {
		list = append(list, fmt.Sprintf("bounce %s %s %s", b.Recipient, b.BounceType, b.BounceCategory))
	}
	for _, b := range events[2] {
		list = append(list, fmt.Sprintf("blocked %s %s", b.Recipient, b.BlockedReason))
	}
	slices.Sort(list)
	return list
}

func (p *port) want(rows ...string) {
	p.t.Helper()
	if diff := cmp.Diff(rows, p.rows()); diff != "" {
		p.t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// Events of SendGrid.
const (
	processed = `{"email":"a@example.net","timestamp":1479772800,"event":"processed",` +
		`"sg_message_id":"m1.filter","smtp-id":"<1@example.com>","sg_event_id":"e1"}`
	delivered = `{"email":"a@example.net","timestamp":1479772805,"event":"delivered",` +
		`"sg_message_id":"m1.filter","sg_event_id":"e2"}`
	bounced = `{"email":"b@example.net","timestamp":1479772806,"event":"bounce","type":"bounce","status":"5.1.1",` +
		`"reason":"550 5.1.1 User unknown","sg_message_id":"m2.filter","sg_event_id":"e3"}`
	late = `{"email":"b@example.net","timestamp":1479772801,"event":"delivered",` +
		`"sg_message_id":"m2.filter","sg_event_id":"e4"}`
	again = `{"email":"b@example.net","timestamp":1479772899,"event":"bounce","type":"blocked",` +
		`"reason":"452 4.2.2 Mailbox full","sg_message_id":"m2.filter","sg_event_id":"e6"}`
	opened = `{"email":"a@example.net","timestamp":1479772900,"event":"open",` +
		`"sg_message_id":"m1.filter","sg_event_id":"e5"}`
)

var sendgridRows = []string{"bounce b@example.net hard bad-mailbox", "email a@example.net user 1 delivered true",
	"email b@example.net user 1 delivered false"}

func list(events ...string) []byte { return []byte("[" + strings.Join(events, ",\n") + "]") }

func TestRowsAreStoredWhenTheAnswerComes(t *testing.T) {
	t.Parallel()
	p := serve(t, ingest.Options{Services: []ingest.Service{ingest.Unsigned("sendgrid")}})
	status, a := p.post("/sendgrid", list(processed, delivered, bounced, late, opened))
	if status != http.StatusOK || a.Records != 5 || a.New != 3 || a.Skipped["open"] != 1 || a.Error != "" {
		t.Errorf("%d, %+v", status, a)
	}
	p.want(sendgridRows...)
	b := p.batches[0]
	if b.Service != "sendgrid" || b.Status != 200 || b.Records != 5 || b.New != 3 || b.Bad != 0 ||
		b.Skipped["open"] != 1 {
		t.Errorf("the batch is %+v", b)
	}
}

func TestRepeatedAndReorderedRequestsChangeNothing(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{
		{processed, delivered, bounced, late, again},
		{again, late, bounced, delivered, processed},
		{bounced, late, again, processed, delivered},
	} {
		p := serve(t, ingest.Options{Services: []ingest.Service{ingest.Unsigned("sendgrid")}})
		for range 2 {
			for _, event := range order {
				if status, a := p.post("/sendgrid", list(event)); status != http.StatusOK {
					t.Errorf("%d, %+v", status, a)
				}
			}
			p.want(sendgridRows...)
		}
		if status, a := p.post("/sendgrid", list(order...)); status != http.StatusOK || a.New+a.Replaced != 0 {
			t.Errorf("all again: %d, %+v", status, a)
		}
		p.want(sendgridRows...)
	}
}

func TestBadRecordsAreNamedByTheirNumberAndTheOthersStored(t *testing.T) {
	t.Parallel()
	p := serve(t, ingest.Options{Services: []ingest.Service{ingest.Unsigned("sendgrid")}})
	status, a := p.post("/sendgrid", list(processed, `{"event":"bounce","email":"c@example.net","sg_message_id":"m3"}`,
		delivered))
	if status != http.StatusBadRequest || len(a.Bad) != 1 || a.Bad[0].Record != 2 || !strings.Contains(a.Bad[0].Reason,
		"timestamp") || !strings.Contains(a.Error, "record 2") {
		t.Errorf("%d, %+v", status, a)
	}
	p.want("email a@example.net user 1 delivered true")
	many := slices.Repeat([]string{`{"event":"bounce","email":"c@example.net"}`}, 100)
	if status, a := p.post("/sendgrid", list(many...)); status != http.StatusBadRequest || a.Error == "" {
		t.Errorf("%d, %+v", status, a)
	}
	for _, body := range []string{"", " \n", "hello", "[1]", `[{"event":`, `{"event":"bounce"`, `{} {}`, "\x1f\x8b",
		"null", `""`} {
		if status, a := p.post("/sendgrid", []byte(body)); status != http.StatusBadRequest || a.Error == "" {
			t.Errorf("%q: %d, %+v", body, status, a)
		}
	}
}

func TestWrongPathsAndMethodsAreRefused(t *testing.T) {
	t.Parallel()
	p := serve(t, ingest.Options{Services: []ingest.Service{ingest.Unsigned("sendgrid")}})
	for path, says := range map[string]string{"/mailgun": "mailgun is not configured", "/other": "/sendgrid",
		"/": "/sendgrid", "/sendgrid/": "/sendgrid"} {
		if status, a := p.post(path, list(processed)); status != http.StatusNotFound ||
			!strings.Contains(a.Error, says) {
			t.Errorf("%s: %d, %+v", path, status, a)
		}
	}
	resp, err := http.Get(p.url + "/sendgrid")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %v, Allow: %q", resp.Status, resp.Header.Get("Allow"))
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/sendgrid", strings.NewReader(processed))
	r.Header.Set("Origin", "https://example.org")
	if resp, err = http.DefaultClient.Do(r); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("the page of another site: %v", resp.Status)
	}
	p.want()
}

func packed(t *testing.T, body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	p := serve(t, ingest.Options{Services: []ingest.Service{ingest.Unsigned("sendgrid")}, MaxBody: 2000,
		MaxBytes: 1 << 20})
	long := bytes.Repeat([]byte(" "), 3000)
	bomb := packed(t, bytes.Repeat([]byte(" "), 1<<20))
	for name, c := range map[string]struct {
		body     []byte
		encoding string
		want     int
	}{
		"plain":          {list(processed), "identity", 200},
		"packed":         {packed(t, list(processed)), "gzip", 200},
		"long":           {append(long, list(processed)...), "identity", 413},
		"long, unpacked": {bomb, "gzip", 413},
		"not packed":     {list(processed), "gzip", 400},
		"cut off":        {packed(t, list(processed))[:60], "gzip", 400},
		"packed twice":   {packed(t, packed(t, list(processed))), "gzip", 400},
		"other":          {list(processed), "br", 415},
	} {
		if status, a := p.post("/sendgrid", c.body, "Content-Encoding", c.encoding); status != c.want {
			t.Errorf("%s: %d, %+v; want %d", name, status, a, c.want)
		}
	}
	full := serve(t, ingest.Options{Services: []ingest.Service{ingest.Unsigned("sendgrid")}, MaxBytes: 100})
	if status, a := full.post("/sendgrid", list(processed)); status != http.StatusServiceUnavailable {
		t.Errorf("no room: %d, %+v", status, a)
	}
	if status, a := full.post("/sendgrid", []byte("{}")); status != http.StatusBadRequest {
		t.Errorf("the room was not given back: %d, %+v", status, a)
	}
}

func TestRowsOfTheAPI(t *testing.T) {
	t.Parallel()
	const key = "a-key-of-sixteen-characters"
	service, err := ingest.Rows(key)
	if err != nil {
		t.Fatal(err)
	}
	p := serve(t, ingest.Options{Services: []ingest.Service{service}})
	row := func(delivered bool) string {
		return fmt.Sprintf(`{"kind":"email","user_id":20,"sender_id":7,"email_id":"m1",`+
			`"email_address":"a@example.net","process_time":1479772800,"delivered":%v}`, delivered)
	}
	for _, c := range []struct {
		says   string
		header []string
	}{
		{"give the key", nil},
		{"the key is wrong", []string{"X-API-Key", "another-key-of-sixteen"}},
		{"give the key", []string{"Authorization", "Basic " + key}},
		{"give the key", []string{"Authorization", "Bearer "}},
		{"the key is wrong", []string{"Authorization", "Bearer no"}},
	} {
		if status, a := p.post("/rows", []byte(row(true)), c.header...); status != http.StatusUnauthorized ||
			!strings.HasPrefix(a.Error, c.says) {
			t.Errorf("%v: %d, %+v", c.header, status, a)
		}
	}
	p.want()
	if status, a := p.post("/rows", []byte(row(true)+"\n"+row(true)+"\n{}\n"), "X-API-Key", key); status != 400 ||
		len(a.Bad) != 1 || a.Bad[0].Record != 3 || a.New != 1 || a.Records != 3 {
		t.Errorf("%d, %+v", status, a)
	}
	if status, a := p.post("/rows", []byte(row(false)), "Authorization", "apikey="+key); status != 200 ||
		a.Unchanged != 1 {
		t.Errorf("%d, %+v", status, a)
	}
	if status, a := p.post("/rows", []byte(row(false)), "Authorization", "Bearer "+key); status != 200 ||
		a.Unchanged != 1 {
		t.Errorf("%d, %+v", status, a)
	}
	p.want("email a@example.net user 20 delivered true")
	if _, err := ingest.Rows("short"); err == nil {
		t.Error("a short key is taken")
	}
}

// failing is a store that cannot be written.
type failing struct{ store.Store }

func (failing) Sync() error { return errors.New("the disk fails") }

func TestRowsThatAreNotOnDiskAreNotAcknowledged(t *testing.T) {
	t.Parallel()
	s, err := sqlite.Open(context.Background(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := httptest.NewRecorder()
	ingest.New(failing{s}, ingest.Options{Services: []ingest.Service{ingest.Unsigned("sendgrid")}}).
		ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/sendgrid", bytes.NewReader(list(processed))))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "disk fails") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

func TestClientsThatLeaveAreNotFailures(t *testing.T) {
	t.Parallel()
	s, err := sqlite.Open(t.Context(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ctx, leave := context.WithCancel(t.Context())
	leave()
	var got ingest.Batch
	o := ingest.Options{
		Services: []ingest.Service{ingest.Unsigned("sendgrid")}, Observe: func(b ingest.Batch) { got = b },
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/sendgrid", bytes.NewReader(list(processed)))
	ingest.New(s, o).ServeHTTP(httptest.NewRecorder(), r)
	if got.Status != 499 {
		t.Errorf("the batch is %+v", got)
	}
}

func TestBodiesThatCannotBeReadNameAWrongContentType(t *testing.T) {
	t.Parallel()
	p := serve(t, ingest.Options{Services: []ingest.Service{ingest.Unsigned("sparkpost")}})
	const form = "application/x-www-form-urlencoded"
	for _, body := range []string{"event=bounced&recipient=jane%40example.com", `{"Event": "bounced"}`} {
		status, a := p.post("/sparkpost", []byte(body), "Content-Type", form)
		if status != http.StatusBadRequest || !strings.Contains(a.Error, form) ||
			!strings.Contains(a.Error, "must be JSON") {
			t.Errorf("%s: %d, %q", body, status, a.Error)
		}
		status, a = p.post("/sparkpost", []byte(body), "Content-Type", "application/json; charset=utf-8")
		if status != http.StatusBadRequest || strings.Contains(a.Error, "Content-Type") {
			t.Errorf("%s as JSON: %d, %q", body, status, a.Error)
		}
	}
}
