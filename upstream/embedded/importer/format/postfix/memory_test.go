package postfix

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/importer/format/queue"
)

func TestMemoryIsBounded(t *testing.T) {
	const memory = 50_000
	r := newReader(format.Options{}, memory)
	var s formattest.Sink
	var log strings.Builder
	for i := range 10_000 {
		id := fmt.Sprintf("%05X9C4292", i)
		fmt.Fprintf(&log,
			"Nov 10 10:00:01 mx1 postfix/qmgr[3]: %s: from=<news@example.com>, size=511, nrcpt=1 (queue active)\n", id)
		fmt.Fprintf(&log,
			"Nov 10 10:00:02 mx1 postfix/smtp[4]: %s: to=<a@example.net>, relay=none, delay=1, delays=0/0/1/0, "+
				"dsn=4.4.1, status=deferred (text)\n", id)
		if i%2 == 0 {
			fmt.Fprintf(&log, "Nov 10 10:00:03 mx1 postfix/qmgr[3]: %s: removed\n", id)
		}
	}
	if err := r.Read(t.Context(), formattest.File(log.String(), time.Time{}), &s); err != nil {
		t.Fatal(err)
	}
	if r.Full() || len(s.Records) < 9_900 {
		t.Errorf("%d of 10,000 messages were handed over; full is %v", len(s.Records), r.Full())
	}
	if formattest.Flush(t, r, &s); len(s.Records) != 10_000 {
		t.Errorf("%d of 10,000 messages were handed over", len(s.Records))
	}
}

func TestOneMessageWithVeryManyRecipientsIsBounded(t *testing.T) {
	const memory = 50_000
	r := newReader(format.Options{}, memory)
	var s formattest.Sink
	var log strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&log,
			"Nov 10 10:00:02 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<%d@example.net>, relay=none, delay=1, "+
				"delays=0/0/1/0, dsn=5.4.1, status=bounced (text)\n", i)
	}
	log.WriteString("Nov 10 10:00:03 mx1 postfix/qmgr[3]: 4B1ED9C4292: removed\n")
	if err := r.Read(t.Context(), formattest.File(log.String(), time.Time{}), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Records) != 10_000 || r.Full() {
		t.Errorf("%d records; full is %v", len(s.Records), r.Full())
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"Nov 10 10:00:01 mx1 postfix/smtpd[1]: 4B1ED9C4292: client=app.example.com[192.0.2.9]\nNov 10 10:00:01 mx1 " +
			"postfix/qmgr[3]: 4B1ED9C4292: from=<news@example.com>, size=511, nrcpt=1 (queue active)\n",
		"Nov 10 10:00:04 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<a@example.net>, orig_to=<b@c>, " +
			"relay=mx[192.0.2.1]:25, delay=2.9, delays=0.1/0/1/1.8, dsn=5.0.0, " +
			"status=bounced (host mx[192.0.2.1] said: 550 (in reply to RCPT TO command))\n",
		"Nov 10 10:00:05 mx1 postfix/qmgr[3]: 4B1ED9C4292: from=<a@b>, status=expired, " +
			"returned to sender\nNov 10 10:00:05 mx1 postfix/qmgr[3]: 4B1ED9C4292: removed\n",
		"2026-11-10T10:00:02+01:00 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<a@b>, relay=[127.0.0.1]:1, delay=1, " +
			"dsn=2.0.0, status=sent (queued as 4B1ED9C4292)\n",
		"Nov 10 10:00:05 mx1 postfix/bounce[3]: 4B1ED9C4292: sender non-delivery notification: 4B1ED9C4293\n",
		`{"__REALTIME_TIMESTAMP":"1769376322404714","SYSLOG_IDENTIFIER":"postfix/smtp","MESSAGE":"4B1ED9C4292: ` +
			`to=<a@b>, relay=none, delay=1, dsn=4.0.0, status=deferred (x)"}` + "\n",
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		r := newReader(format.Options{Now: time.Unix(1795973220, 0)}, 2000)
		var s formattest.Sink
		for _, text := range []string{first, second, first} {
			if err := r.Read(t.Context(), formattest.File(text, time.Time{}), &s); err != nil {
				t.Fatal(err)
			}
			if r.Full() {
				t.Fatal("the queue takes too much memory")
			}
		}
		formattest.Flush(t, r, &s)
		saved := map[string]string{}
		r.Save(func(key, value string) { saved[key] = value })
		r = newReader(r.options, 2000)
		r.Load(saved)
		n := len(s.Records)
		if formattest.Flush(t, r, &s); len(s.Records) != n {
			t.Fatal("what was handed over is handed over again")
		}
		for _, rec := range s.Records {
			if rec.EmailID == "" || !queue.HasDomain(rec.Recipient) || rec.Processed <= 0 || rec.Time <= 0 {
				t.Fatalf("%+v is not whole", rec)
			}
		}
	})
}

// Reading is to be much faster than 50,000 lines a second, as the rows are yet to be stored.
func BenchmarkRead(b *testing.B) {
	var log strings.Builder
	const messages = 10_000
	for i := range messages {
		id := fmt.Sprintf("%05X9C4292", i)
		for _, line := range []string{
			"smtpd[1]: %s: client=app.example.com[192.0.2.9]", "cleanup[2]: %s: message-id=<1@example.com>",
			"qmgr[3]: %s: from=<news@example.com>, size=511, nrcpt=1 (queue active)",
			"smtp[4]: %s: to=<a@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=2.9, delays=0.1/0/1/1.8, " +
				"dsn=5.1.1, status=bounced (host mx.example.net[192.0.2.1] said: 550 5.1.1 <a@example.net>: User " +
				"unknown (in reply to RCPT TO command))",
			"qmgr[3]: %s: removed",
		} {
			fmt.Fprintf(&log, "Nov 10 %02d:%02d:%02d mx1 postfix/"+line+"\n", i/3600, i/60%60, i%60, id)
		}
	}
	text := log.String()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := newReader(format.Options{}, queue.MaxBytes)
		var s discard
		if err := r.Read(b.Context(), formattest.File(text, time.Time{}), &s); err != nil {
			b.Fatal(err)
		}
		if s != messages {
			b.Fatalf("%d records", s)
		}
	}
	b.ReportMetric(float64(5*messages*b.N)/b.Elapsed().Seconds(), "lines/s")
}

type discard int

func (d *discard) Record(int, format.Record) error { *d++; return nil }
func (d *discard) Skip(string)                     {}
func (d *discard) Bad(int, string) error           { return nil }
