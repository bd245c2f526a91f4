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
	bounceRate float64  // share of emails that bounce on an ordinary day
	topics     []string // subjects, and values of the account's first header; without any, emails have no such headers
	rhythm     rhythm
}

var optIn = []string{"Agreed", "Agreed", "Refused"}

var accounts = [...]account{
	{
		id: MasterUser, recipients: 2600,
		headers: [4]string{"X-CampaignMaster", "X-DistrictMaster", "X-Subscription", "X-OptIn"},
		traits: [3][]string{
			{"New Hampshire", "North Carolina", "Vermont", "Oregon", "Maine"}, {"Monthly", "Weekly", "None"}, optIn,
		},
		senders: [4]sender{
			{"news@example.com", .026, []string{"Newsletter", "Notification"},
				mailings(campaign{time.Tuesday, 9, 720}, campaign{time.Thursday, 14, 520})},
			{"orders@example.com", .012, []string{"Order"}, steady(115, &business, .7)},
			{"security@example.com", .011, nil, steady(48, &flat, 1)},
			{"team@example.com", .017, []string{"Digest"}, steady(45, &business, .1)},
		},
	},
	{
		id: ShopUser, recipients: 2800, postbacks: true,
		headers: [4]string{"X-Campaign", "X-Store", "X-Segment", "X-OptIn"},
		traits:  [3][]string{{"Online", "North", "South", "West"}, {"New", "Regular", "Lapsed"}, optIn},
		senders: [4]sender{
			{OffersAddress, .028, []string{"Offers", "Clearance"},
				mailings(campaign{time.Monday, 8, 620}, campaign{time.Thursday, 10, 720})},
			{"receipts@shop.example.com", .011, []string{"Receipt"}, steady(135, &evening, 1.25)},
			{"shipping@shop.example.com", .013, []string{"Shipping", "Delivery"}, steady(95, &business, .5)},
			{"reviews@shop.example.com", .018, []string{"Review"}, steady(38, &morning, 1)},
		},
	},
	{
		id: ClubUser, recipients: 1500,
		headers: [4]string{"X-Campaign", "X-Chapter", "X-Membership", "X-OptIn"},
		traits:  [3][]string{{"Harbour", "Hillside", "Riverside"}, {"Full", "Youth", "Guest"}, optIn},
		senders: [4]sender{
			{"newsletter@example.org", .023, []string{"Newsletter"}, mailings(campaign{time.Wednesday, 10, 920})},
			{"events@example.org", .020, []string{"Events", "Reminder"},
				rhythm{12, &business, .8, []campaign{{time.Friday, 12, 360}}}},
			{"donations@example.org", .012, []string{"Donation"}, steady(28, &evening, .8)},
			{MembershipAddress, .018, []string{"Membership", "Renewal"}, steady(32, &business, .5)},
		},
	},
	{
		id: CloudUser, recipients: 1800, postbacks: true,
		headers: [4]string{"X-Service", "X-Plan", "X-Region", "X-Priority"},
		traits: [3][]string{
			{"Free", "Team", "Business"}, {"East", "West", "North", "South"}, {"Normal", "Normal", "High"},
		},
		senders: [4]sender{
			{"billing@example.net", .011, []string{"Billing"}, steady(65, &business, .3)},
			{"alerts@example.net", .010, []string{"Alert", "Resolved"}, steady(96, &flat, 1)},
			{"status@example.net", .010, nil, steady(32, &flat, 1)},
			{"welcome@example.net", .032, []string{"Welcome"}, steady(42, &evening, 1)},
		},
	},
	{
		id: TravelUser, recipients: 2200,
		headers: [4]string{"X-Campaign", "X-Destination", "X-Tier", "X-OptIn"},
		traits:  [3][]string{{"Coast", "Mountains", "City", "Islands"}, {"Blue", "Silver", "Gold"}, optIn},
		senders: [4]sender{
			{"deals@travel.example.org", .026, []string{"Deals", "LastMinute"},
				mailings(campaign{time.Tuesday, 17, 520}, campaign{time.Sunday, 18, 420})},
			{"bookings@travel.example.org", .011, []string{"Booking", "Change"}, steady(80, &evening, .8)},
			{"checkin@travel.example.org", .012, []string{"CheckIn"}, steady(58, &flat, 1)},
			{"surveys@travel.example.org", .021, []string{"Survey"},
				rhythm{6, &morning, 1, []campaign{{time.Monday, 11, 190}}}},
		},
	},
	{
		id: GamesUser, recipients: 2000,
		headers: [4]string{"X-Campaign", "X-Title", "X-Platform", "X-OptIn"},
		traits:  [3][]string{{"Chess", "Puzzle", "Racing", "Quiz"}, {"Web", "Phone", "Console"}, optIn},
		senders: [4]sender{
			{"digest@games.example.net", .024, []string{"Digest"}, mailings(campaign{time.Friday, 16, 640})},
			{"invites@games.example.net", .034, []string{"Invite"}, steady(74, &evening, 1.5)},
			{"rewards@games.example.net", .018, []string{"Rewards", "Season"}, steady(64, &evening, 1.3)},
			{"support@games.example.net", .012, []string{"Support"}, steady(27, &business, .2)},
		},
	},
}

// senderID returns the id of the account's n-th sender, counted from 0.
func (a *account) senderID(n int) upstream.ID { return a.id*10 + upstream.ID(n) + 1 }

// header returns the custom headers of an email to a recipient with traits, a number that stands for one value each.
func (a *account) header(topic string, traits int) []upstream.Header {
	if topic == "" {
		return nil
	}
	all := []upstream.Header{{Name: a.headers[0], Value: topic}}
	for i, values := range a.traits {
		all = append(all, upstream.Header{Name: a.headers[i+1], Value: values[traits%len(values)]})
		traits /= len(values)
	}
	return all
}
