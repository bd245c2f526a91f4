package demo

import (
	"fmt"
	"strings"
	"time"

	"deliverygraph/upstream"
)

// Incident is a noteworthy event in the data.
type Incident struct {
	Title    string // one sentence
	Window   upstream.Window
	UserID   upstream.ID
	SenderID upstream.ID
	Sender   string // the sender's address
	Domain   string // the recipients' domain, if the incident is about one
}

// Incidents returns the incidents in the data of [Generate] at now, the latest first.
func Incidents(now time.Time) []Incident { return []Incident{PolicyRefusal(now), BadImport(now)} }

// PolicyRefusal is an incident twelve days ago, from 08:00 to 15:00 UTC: one mail
// provider refuses all mail for policy reasons while [OffersSender] sends a campaign. Two
// in five emails of that sender bounce softly. Other senders' mail to the provider
// bounces too.
func PolicyRefusal(now time.Time) Incident {
	day := dayBefore(now, 12)
	return Incident{
		Title:  "one mail provider refuses mail for policy reasons",
		Window: upstream.Window{Start: day + 8*3600, End: day + 15*3600},
		UserID: ShopUser, SenderID: OffersSender, Sender: OffersAddress, Domain: RefusingDomain,
	}
}

// BadImport is an incident forty days ago, from 09:00 to 18:00 UTC: [MembershipSender]
// mails a list of old addresses, more than a third of which no longer exist. In the
// following weeks these recipients are blocked.
func BadImport(now time.Time) Incident {
	day := dayBefore(now, 40)
	return Incident{
		Title:  "a list of old addresses brings a wave of hard bounces, and later mailings to them are blocked",
		Window: upstream.Window{Start: day + 9*3600, End: day + 18*3600},
		UserID: ClubUser, SenderID: MembershipSender, Sender: MembershipAddress,
	}
}

// The size of each incident.
const (
	refusalEmails   = 570.0 // emails of the campaign, spread evenly over the window
	refusalShare    = .42   // share of them to the refusing provider
	refusalThorough = .96   // share of its mail that the provider refuses
	importEmails    = 700.0
	importHardShare = .37
	importTopic     = "Welcome back"
)

// dayBefore returns the start of the UTC day that many days before now.
func dayBefore(now time.Time, days int) upstream.Time {
	return upstream.Day.Floor(upstream.Time(now.Unix())) - upstream.Time(days)*86400
}

// Describe describes the data and its incidents in a few lines.
func Describe(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "demo data: %d days of made-up email up to %s, from %d users (%d to %d) with %d senders\n",
		Days, now.UTC().Format(time.RFC3339), len(accounts), MasterUser, GamesUser,
		len(accounts)*len(accounts[0].senders))
	for _, i := range Incidents(now) {
		fmt.Fprintf(&b, "incident to find: %s, %s to %s UTC: sender %d (%s) of user %d", i.Title,
			i.Window.Start.UTC().Format("2006-01-02 15:04"), i.Window.End.UTC().Format("15:04"), i.SenderID, i.Sender,
			i.UserID)
		if i.Domain != "" {
			fmt.Fprintf(&b, ", domain %s", i.Domain)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}
