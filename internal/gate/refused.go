package gate

import (
	"log/slog"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Refuse answers a request that reaches no route of any surface, once its event is in the log.
func (s *Surface) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	x := s.begin(w, r, true)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	x.hurry(r)
	x.refuse(err)
}

// Refused records a request that another protocol refuses before it is received. Its error is
// to be answered in place of the refusal.
func (s *Surface) Refused(r *http.Request, status int, reason string) error {
	return s.begin(nil, r, true).refused(status, reason)
}

// Refused records that the message was refused, with the caller who sent it. It records nothing
// when a call was made for the message, since that call left an event. Its error is to be
// answered in place of the refusal.
func (r *Received) Refused(status int, reason string) error {
	if !r.x.own.counted.Load() {
		return nil
	}
	return r.x.refused(status, reason)
}

func (x *Request) refused(status int, reason string) error {
	if status == http.StatusUnauthorized {
		x.event.Action = string(policy.AuthFailure)
	}
	x.Note(reason)
	if err := x.record(status); err != nil {
		x.at.Log.Error("an audit event could not be written", slog.Any("error", err))
		return errNoRecord
	}
	return nil
}

// turnedAway records that a message was not received, and returns what to answer.
func (x *Request) turnedAway(err error) error {
	x.Fail(err)
	if fault.Is(err, fault.Unauthenticated) {
		identity.Blame(&x.event, err)
	}
	if lost := x.refused(x.at.Refusal(err).Status, x.event.Details.Reason); lost != nil {
		return lost
	}
	return err
}
