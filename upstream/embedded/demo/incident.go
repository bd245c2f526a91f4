package demo

import (
	"fmt"
	"strings"
	"time"

	"deliverygraph/upstream"
)

// Incident is something worth finding in the data.
type Incident struct {
	Title    string // one sentence
	Window   upstream.Window
	UserID   upstream.ID
	SenderID upstream.ID
	Sender   string // the sender's address
	Domain   string // the recipients' domain, where it is about one
}

// Incidents are those in the data made at a time, the latest first.
func Incidents(now time.Time) []Incident { return []Incident{PolicyRefusal(now), BadImport(now)} }

// PolicyRefusal lies twelve days back, from 08:00 to 15:00 UTC: one mail provider
// refuses everything for policy reasons, while [OffersSender] sends a campaign.
// Two of five emails of that sender bounce softly; other senders' mail to the
// provider comes back as well.
func PolicyRefusal(now time.Time) Incident {
	day := dayBefore(now, 12)
	return Incident{
		Title:  "one mail provider refuses mail for policy reasons",
		Window: upstream.Window{Start: day + 8*3600, End: day + 15*3600},
		UserID: ShopUser, SenderID: OffersSender, Sender: OffersAddress, Domain: RefusingDomain,
	}
}

// BadImport lies forty days back, from 09:00 to 18:00 UTC: [MembershipSender]
// mails a list of old addresses, and more than a third of it does not exist any
// more. In the weeks after, those recipients are blocked.
func BadImport(now time.Time) Incident {
	day := dayBefore(now, 40)
	return Incident{
		Title:  "a list of old addresses brings a wave of hard bounces",
		Window: upstream.Window{Start: day + 9*3600, End: day + 18*3600},
		UserID: ClubUser, SenderID: MembershipSender, Sender: MembershipAddress,
	}
}

// How much of each incident there is.
const (
	refusalEmails   = 630.0 // of the campaign, evenly over the window
	refusalShare    = .42   // of them, to the provider that refuses
	refusalThorough = .96   // of what the provider gets, how much it refuses
	importEmails    = 700.0
	importHardShare = .37
	importTopic     = "Import"
	importSubject   = "Welcome back"
)

// dayBefore is the UTC midnight that began the day so many days before now's.
func dayBefore(now time.Time, days int) upstream.Time {
	return upstream.Day.Floor(upstream.Time(now.Unix())) - upstream.Time(days)*86400
}

// Describe says in a few lines what the data is and what can be found in it.
func Describe(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "demo data: %d days of made-up email up to %s, of %d users (%d to %d) and %d senders\n",
		Days, now.UTC().Format(time.RFC3339), len(accounts), MasterUser, GamesUser, len(accounts)*len(accounts[0].senders))
	for _, i := range Incidents(now) {
		fmt.Fprintf(&b, "worth finding: %s, %s to %s UTC: sender %d (%s) of user %d", i.Title,
			i.Window.Start.UTC().Format("2006-01-02 15:04"), i.Window.End.UTC().Format("15:04"), i.SenderID, i.Sender, i.UserID)
		if i.Domain != "" {
			fmt.Fprintf(&b, ", domain %s", i.Domain)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}
