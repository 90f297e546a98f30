package identity

import (
	"errors"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// ErrUnauthenticated is the one answer to every credential that is not good:
// which part of it was wrong is nobody's business.
var ErrUnauthenticated = fault.New(fault.Unauthenticated, "unauthenticated",
	"The credential is missing, wrong, expired or revoked. Sign in again, or exchange the API key for a new token.")

// refused is the cause in the fault of a credential that is not good, when it
// is known whose it is or was. It is for the log alone: to the caller the fault
// is like any other.
type refused struct {
	kind       policy.PrincipalKind
	id, org    string
	reasonCode string
}

// Error implements error.
func (r *refused) Error() string { return r.reasonCode }

// refusal is ErrUnauthenticated with the account that it is about.
func refusal(kind policy.PrincipalKind, id, org, reason string) error {
	e := ErrUnauthenticated.Because(reason)
	e.Err = &refused{kind: kind, id: id, org: org, reasonCode: reason}
	return e
}

// Blame puts the event of a failed authentication into the log of the account
// that it was tried as, when Authenticate's error tells: its organisation must
// see it. The event has no actor, since nobody was signed in.
func Blame(ev *audit.Event, err error) {
	r, ok := errors.AsType[*refused](err)
	if !ok {
		return
	}
	if r.org != "" { // who is in no organisation shows in the server's own log
		ev.Org = r.org
	}
	ev.ActorKind, ev.ActorID = string(policy.KindAnonymous), ""
	ev.Details.Reason, ev.Details.Target = r.reasonCode, string(r.kind)+":"+r.id
}

// Refuse makes the call's event one of a failed authentication. The reason is
// for the log alone. The event has no actor: nobody was signed in, and the log
// counts such events, so that whoever knocks on can't fill it.
func Refuse(c *call.Call, reason string, err error) error {
	c.Event.Action = string(policy.AuthFailure)
	c.Event.Details.Outcome, c.Event.Details.Reason = audit.Denied, reason
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Because(reason)
	}
	return err
}

// RefuseAs is Refuse for an account that there is: its organisation sees it.
func RefuseAs(c *call.Call, kind policy.PrincipalKind, id, org, reason string, err error) error {
	Blame(c.Event, &refused{kind: kind, id: id, org: org, reasonCode: reason})
	return Refuse(c, reason, err)
}

// RefuseAddress makes a refusal of Admit one more credential that is not good: only the
// log tells. Other errors stay what they are.
func RefuseAddress(c *call.Call, err error, kind policy.PrincipalKind, id, org string, as error) error {
	if !fault.Is(err, fault.Denied) {
		return err
	}
	return RefuseAs(c, kind, id, org, "address_not_allowed", as)
}
