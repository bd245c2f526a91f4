package services

import (
	"cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// Mailjet is the events of Mailjet's webhooks, alone or grouped.
var Mailjet = service{
	name: "mailjet", about: "Mailjet events",
	recognise: func(first beginning, _ []byte) bool {
		return first["event"] != "" && first["MessageID"] != "" &&
			(first.has("mj_contact_id") || first.has("hard_bounce") || first["mj_campaign_id"] != "")
	},
	object: objects((*mailjetEvent).read),
	named:  "event", time: "time must be a time in Unix seconds", needs: "the event must have MessageID and email",
	events: map[string]meaning{
		"sent": delivered, "bounce": bounced(upstream.Soft, ""),
		"open": skip("open"), "click": skip("click"), "spam": skip("complaint"), "unsub": skip("unsubscribe"),
	},
}.format()

type mailjetEvent struct {
	Event    string `json:"event"`
	Time     string `json:"time"`
	ID       string `json:"MessageID"` // beyond what a float can hold
	Email    string `json:"email"`
	Hard     bool   `json:"hard_bounce"`
	Error    string `json:"error"`
	Comment  string `json:"comment"` // what the server said
	Campaign string `json:"customcampaign"`
	CustomID string `json:"CustomID"`
	Payload  string `json:"Payload"`
}

// mailjetReasons are the API's reasons for Mailjet's errors by which it does not send at all.
var mailjetReasons = map[string]string{"preblocked": "hardbounce", "spam preblocked": "complaint"}

func (m *mailjetEvent) read(r *reader) error {
	e := event{
		at: []string{m.Time}, recipients: []string{m.Email}, id: m.ID,
		code: format.Code(m.Comment), diagnostic: cmp.Or(m.Comment, m.Error),
	}
	e.header("X-Mailjet-Campaign", m.Campaign) // as senders set them
	e.header("X-MJ-CustomID", m.CustomID)
	e.header("X-MJ-EventPayload", m.Payload)
	switch {
	case m.Event == "blocked":
		return r.as(blocked(reason(mailjetReasons, m.Error, "blocked")), e)
	case m.Event == "bounce" && m.Hard:
		return r.as(bounced(upstream.Hard, ""), e)
	}
	return r.take(m.Event, e)
}
