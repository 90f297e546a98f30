// Package call holds one request as the domain sees it: who asks, from
// where, when, and the audit event that will say so.
//
// Its promise: a domain method that takes a *Call needs nothing else to decide
// and to record. Edges make one Call a request and pass it as an argument.
package call

import (
	"crypto/x509"
	"net/netip"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/budget"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Call is one request.
type Call struct {
	Who policy.Principal
	IP  netip.Addr // unmapped; the zero Addr when it is not known
	Now time.Time
	// Client is what the caller's program calls itself, printable and short. It is
	// shown to the caller alone, beside its logins.
	Client string
	// Chain is the client certificate of the connection, leaf first. Its holder has
	// proven to have the key; nobody has looked at the rest. Nil when there is none.
	Chain []*x509.Certificate
	// Event is the request's one audit event. A domain method fills in what was
	// touched, and puts it into the transaction of a write (or appends it before
	// a value leaves). An event that the domain did not commit is appended by
	// the edge before it sends the first byte of its answer.
	Event *audit.Event
	// Scoped says that the caller asks for a token with scopes: one without is not issued.
	Scoped bool
	// Room is memory for what the answer holds. Large values take a part of it
	// before they are opened. Nil is as much as is asked for.
	Room *budget.Lease
}

// Authorize asks the policy whether the caller may do a to r, and notes in the event the
// rule that allowed it. A denial carries the rule that made it, for the log: fault.ReasonOf.
// What is another organisation's is NotFound, as if it did not exist.
func (c *Call) Authorize(a policy.Action, r policy.Resource) error {
	d := policy.Decide(c.Who, a, r, c.At())
	c.Event.Details.Reason = string(d.Reason)
	return d.ErrOf(a)
}

// Own is the resource of what a caller does to itself or its organisation.
func (c *Call) Own() policy.Resource { return policy.Resource{Org: c.Who.Org} }

// Draft runs do with a draft of the call's event. What do fills in becomes the call's
// when do succeeds, or when the draft is in the log; else the event stays as it was.
func (c *Call) Draft(do func(d *Call) error) error {
	ev, d := *c.Event, *c
	d.Event = &ev
	err := do(&d)
	if err == nil || ev.Committed {
		*c.Event = ev
	}
	return err
}

// Once is the call for something that is done and recorded once more, with an event of its own.
func (c *Call) Once() *Call {
	again, ev := *c, *c.Event
	ev.ID, ev.Committed = ids.New(), false
	again.Event = &ev
	return &again
}

// By says who the event's actor has turned out to be.
func (c *Call) By(kind policy.PrincipalKind, id, org string) {
	c.Event.ActorKind, c.Event.ActorID, c.Event.Org = string(kind), id, org
}

// Succeed marks the event before it goes into the transaction of what was done.
func (c *Call) Succeed(resourceType, id string) {
	c.Touch(resourceType, id)
	c.Event.Details.Outcome = audit.Success
}

// Touch names the resource of the call's event.
func (c *Call) Touch(resourceType, id string) {
	c.Event.ResourceType, c.Event.ResourceID = resourceType, id
}

// At is the moment that policy decides about.
func (c *Call) At() policy.Moment { return policy.Moment{Now: c.Now, IP: c.IP} }
