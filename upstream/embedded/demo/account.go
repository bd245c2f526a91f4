package demo

import (
	"time"

	"deliverygraph/upstream"
)

// The users of the demo data: a master account and five sub-accounts. A sender's id is
// its user's id times ten plus 1 to 4.
const (
	MasterUser upstream.ID = 20
	ShopUser   upstream.ID = 21
	ClubUser   upstream.ID = 22
	CloudUser  upstream.ID = 23
	TravelUser upstream.ID = 24
	GamesUser  upstream.ID = 25
)

// The senders used in examples.
const (
	// OffersSender sends campaigns to the shop's customers. It has hard and soft bounces
	// every week, including the last hours, and is part of [PolicyRefusal].
	OffersSender  upstream.ID = 211
	OffersAddress             = "offers@shop.example.com"

	// MembershipSender sends little, except on the day of [BadImport].
	MembershipSender  upstream.ID = 224
	MembershipAddress             = "membership@example.org"
)

// account is a user of the API with its senders. As in the service, an account has four
// fixed custom header names.
type account struct {
	id         upstream.ID
	recipients int  // on its list at the start
	postbacks  bool // whether it gets postbacks of bounces and blocked emails
	headers    [4]string
	traits     [3][]string // values of headers[1:], which depend on the recipient
	senders    [4]sender
}

// sender is an approved From address and how it sends.
type sender struct {
	address    string
	topics     []topic
	plain      bool    // without custom headers
	bounceRate float64 // share of emails that bounce on an ordinary day
	rhythm     rhythm
}

// topic is a kind of email: the value of the account's first custom header and the
// matching subject.
type topic struct{ name, subject string }

var optIn = []string{"Agreed", "Agreed", "Refused"}

var accounts = [...]account{
	{
		id: MasterUser, recipients: 2600,
		headers: [4]string{"X-CampaignMaster", "X-DistrictMaster", "X-Subscription", "X-OptIn"},
		traits: [3][]string{
			{"New Hampshire", "North Carolina", "Vermont", "Oregon", "Maine"}, {"Monthly", "Weekly", "None"}, optIn,
		},
		senders: [4]sender{
			{address: "news@example.com", bounceRate: .026,
				topics: []topic{
					{"Newsletter", "News for this week"}, {"Notification", "A note about your subscription"},
				},
				rhythm: rhythm{campaigns: []campaign{{time.Tuesday, 9, 720}, {time.Thursday, 14, 520}}}},
			{address: "orders@example.com", bounceRate: .012,
				topics: []topic{{"Order", "Your order has been received"}},
				rhythm: rhythm{daily: 115, curve: &business, weekend: .7}},
			{address: "security@example.com", bounceRate: .011, plain: true,
				topics: []topic{{"Security", "New sign-in to your account"}},
				rhythm: rhythm{daily: 48, curve: &flat, weekend: 1}},
			{address: "team@example.com", bounceRate: .017, topics: []topic{{"Digest", "What your team did today"}},
				rhythm: rhythm{daily: 45, curve: &business, weekend: .1}},
		},
	},
	{
		id: ShopUser, recipients: 2800, postbacks: true,
		headers: [4]string{"X-Campaign", "X-Store", "X-Segment", "X-OptIn"},
		traits:  [3][]string{{"Online", "North", "South", "West"}, {"New", "Regular", "Lapsed"}, optIn},
		senders: [4]sender{
			{address: OffersAddress, bounceRate: .028,
				topics: []topic{{"Offers", "This week's offers"}, {"Clearance", "Last chance: everything must go"}},
				rhythm: rhythm{campaigns: []campaign{{time.Monday, 8, 620}, {time.Thursday, 10, 720}}}},
			{address: "receipts@shop.example.com", bounceRate: .011, topics: []topic{{"Receipt", "Your receipt"}},
				rhythm: rhythm{daily: 135, curve: &evening, weekend: 1.25}},
			{address: "shipping@shop.example.com", bounceRate: .013,
				topics: []topic{{"Shipping", "Your parcel is on its way"}, {"Delivery", "Your parcel arrives today"}},
				rhythm: rhythm{daily: 95, curve: &business, weekend: .5}},
			{address: "reviews@shop.example.com", bounceRate: .018, topics: []topic{{"Review", "How do you like it?"}},
				rhythm: rhythm{daily: 38, curve: &morning, weekend: 1}},
		},
	},
	{
		id: ClubUser, recipients: 1500,
		headers: [4]string{"X-Campaign", "X-Chapter", "X-Membership", "X-OptIn"},
		traits:  [3][]string{{"Harbour", "Hillside", "Riverside"}, {"Full", "Youth", "Guest"}, optIn},
		senders: [4]sender{
			{address: "newsletter@example.org", bounceRate: .023,
				topics: []topic{{"Newsletter", "The club's newsletter"}},
				rhythm: rhythm{campaigns: []campaign{{time.Wednesday, 10, 920}}}},
			{address: "events@example.org", bounceRate: .020,
				topics: []topic{{"Events", "Coming up this weekend"}, {"Reminder", "Your place is reserved"}},
				rhythm: rhythm{
					daily: 12, curve: &business, weekend: .8, campaigns: []campaign{{time.Friday, 12, 360}},
				}},
			{address: "donations@example.org", bounceRate: .012,
				topics: []topic{{"Donation", "Thank you for your donation"}},
				rhythm: rhythm{daily: 28, curve: &evening, weekend: .8}},
			{address: MembershipAddress, bounceRate: .018,
				topics: []topic{{"Membership", "Your membership"}, {"Renewal", "Time to renew"}},
				rhythm: rhythm{daily: 32, curve: &business, weekend: .5}},
		},
	},
	{
		id: CloudUser, recipients: 1800, postbacks: true,
		headers: [4]string{"X-Service", "X-Plan", "X-Region", "X-Priority"},
		traits: [3][]string{
			{"Free", "Team", "Business"}, {"East", "West", "North", "South"}, {"Normal", "Normal", "High"},
		},
		senders: [4]sender{
			{address: "billing@example.net", bounceRate: .011, topics: []topic{{"Billing", "Your invoice is ready"}},
				rhythm: rhythm{daily: 65, curve: &business, weekend: .3}},
			{address: "alerts@example.net", bounceRate: .010,
				topics: []topic{
					{"Alert", "Alert: usage above your threshold"}, {"Resolved", "Resolved: usage back to normal"},
				},
				rhythm: rhythm{daily: 96, curve: &flat, weekend: 1}},
			{address: "status@example.net", bounceRate: .010, plain: true,
				topics: []topic{{"Status", "Daily status report"}},
				rhythm: rhythm{daily: 32, curve: &flat, weekend: 1}},
			{address: "welcome@example.net", bounceRate: .032, topics: []topic{{"Welcome", "Confirm your address"}},
				rhythm: rhythm{daily: 42, curve: &evening, weekend: 1}},
		},
	},
	{
		id: TravelUser, recipients: 2200,
		headers: [4]string{"X-Campaign", "X-Destination", "X-Tier", "X-OptIn"},
		traits:  [3][]string{{"Coast", "Mountains", "City", "Islands"}, {"Blue", "Silver", "Gold"}, optIn},
		senders: [4]sender{
			{address: "deals@travel.example.org", bounceRate: .026,
				topics: []topic{{"Deals", "Seven places for the long weekend"}, {"LastMinute", "Leave tomorrow"}},
				rhythm: rhythm{campaigns: []campaign{{time.Tuesday, 17, 520}, {time.Sunday, 18, 420}}}},
			{address: "bookings@travel.example.org", bounceRate: .011,
				topics: []topic{{"Booking", "Your booking is confirmed"}, {"Change", "Your booking has changed"}},
				rhythm: rhythm{daily: 80, curve: &evening, weekend: .8}},
			{address: "checkin@travel.example.org", bounceRate: .012, topics: []topic{{"CheckIn", "Check in now"}},
				rhythm: rhythm{daily: 58, curve: &flat, weekend: 1}},
			{address: "surveys@travel.example.org", bounceRate: .021, topics: []topic{{"Survey", "How was your trip?"}},
				rhythm: rhythm{daily: 6, curve: &morning, weekend: 1, campaigns: []campaign{{time.Monday, 11, 190}}}},
		},
	},
	{
		id: GamesUser, recipients: 2000,
		headers: [4]string{"X-Campaign", "X-Title", "X-Platform", "X-OptIn"},
		traits:  [3][]string{{"Chess", "Puzzle", "Racing", "Quiz"}, {"Web", "Phone", "Console"}, optIn},
		senders: [4]sender{
			{address: "digest@games.example.net", bounceRate: .024, topics: []topic{{"Digest", "Your week in games"}},
				rhythm: rhythm{campaigns: []campaign{{time.Friday, 16, 640}}}},
			{address: "invites@games.example.net", bounceRate: .034,
				topics: []topic{{"Invite", "A friend invites you to play"}},
				rhythm: rhythm{daily: 74, curve: &evening, weekend: 1.5}},
			{address: "rewards@games.example.net", bounceRate: .018,
				topics: []topic{{"Rewards", "Your daily reward"}, {"Season", "The new season starts"}},
				rhythm: rhythm{daily: 64, curve: &evening, weekend: 1.3}},
			{address: "support@games.example.net", bounceRate: .012,
				topics: []topic{{"Support", "We have answered your question"}},
				rhythm: rhythm{daily: 27, curve: &business, weekend: .2}},
		},
	},
}

// senderID returns the id of the account's n-th sender, counted from 0.
func (a *account) senderID(n int) upstream.ID { return a.id*10 + upstream.ID(n) + 1 }
