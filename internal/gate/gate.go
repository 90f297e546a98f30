// Package gate is the pipeline that every request of every surface passes: whose
// address it is, rate limits, who sends it, IP rules, budgets, the count of the month and
// what is paid, and the audit event that is in the log before the answer leaves.
//
// Its promise: a request leaves exactly one event, also a refused one, and nothing leaves
// without it. A surface says what its routes are and how a refusal looks, and no more.
package gate

import (
	"context"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// New returns g with its budgets. The zero Budgets are DefaultBudgets.
func New(g Gate, b Budgets) *Gate {
	g.budgets, g.turns = newBudgets(b), &turns{}
	return &g
}

// ServeHTTP takes a request through audit, rate limit and authentication to its
// route (contract section 0, pipeline).
func (s *Surface) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.begin(w, r, s.Recorded(r))
	x.within = withinOf(r.Context())
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	defer x.unserved()
	defer x.counted(r)
	defer x.leave()
	defer x.finish(r)
	if err := s.pass(x, r); err != nil {
		x.hurry(r)
		x.refuse(err)
	}
}

// begin makes the request with the event that it will leave, of a caller nobody knows yet.
func (s *Surface) begin(w http.ResponseWriter, r *http.Request, audited bool) *Request {
	x := &Request{ResponseWriter: w, at: s, audited: audited, head: r.Method == http.MethodHead}
	now := s.Now()
	x.event = audit.Event{ID: ids.New(), Org: audit.SystemOrg, At: now, Action: string(policy.UnknownRequest), ActorKind: string(policy.KindAnonymous)}
	x.Call = call.Call{Now: now, Event: &x.event}
	x.Call.IP, _ = s.Proxies.Client(r)
	x.Call.Who.Kind = policy.KindAnonymous
	x.Call.Client = plain(r.UserAgent())
	if r.TLS != nil {
		x.Call.Chain = r.TLS.PeerCertificates
	}
	if x.Call.IP.IsValid() {
		x.event.IP = x.Call.IP.String()
	}
	return x
}

// pass finds the route and lets the request in, or says why not.
func (s *Surface) pass(x *Request, r *http.Request) error {
	to, missing := s.Find(r)
	if to != nil {
		x.event.Action = string(to.Action)
		x.audited = x.audited && to.Action != policy.ReadHealth
	}
	if x.within == nil || !x.within.counted.Swap(false) {
		if err := s.Limits.Address(x.Call.IP, x.Call.Now); err != nil {
			return err
		}
	}
	if to == nil {
		// A probe with a good credential shows in its organisation's log.
		if who, err := s.authenticate(r.Context(), &x.Call, s.Credential(r), x.Call.Now); err == nil {
			x.identify(who)
			if err := s.IPRules.Admit(r.Context(), who.Org, who.Kind, x.Call.IP); err != nil {
				return err
			}
		}
		return missing
	}
	if to.Limit == AuthLimit {
		if err := s.Limits.Attempt(x.Call.IP, x.Call.Now); err != nil {
			return err
		}
	}
	rule, _ := policy.RuleFor(to.Action)
	public := rule.Who == policy.Anyone
	if x.token = s.Credential(r); public && !to.KnowsCaller {
		x.token = "" // nobody asks for it
	}
	if !public && x.token == "" {
		if err := x.offer(r, &rule); err != nil {
			return err
		}
	}
	if public && x.token == "" {
		if err := x.enter(); err != nil {
			return err
		}
	} else if err := s.letIn(x, r, to, &rule); err != nil {
		return err
	}
	return to.Serve(x, r.WithContext(context.WithValue(r.Context(), requestKey{}, x)))
}

// letIn finds out who sends the request, and counts it.
func (s *Surface) letIn(x *Request, r *http.Request, to *Route, rule *policy.Rule) error {
	x.seen = s.Identity.Seen()
	who, err := s.authenticate(r.Context(), &x.Call, x.token, x.Call.Now)
	if err != nil {
		if fault.Is(err, fault.Unauthenticated) {
			x.event.Action = string(policy.AuthFailure)
			identity.Blame(&x.event, err)
		}
		return err
	}
	x.identify(who)
	if err := s.IPRules.Admit(r.Context(), who.Org, who.Kind, x.Call.IP); err != nil {
		return err
	}
	if err := s.Limits.Principal(who, x.Call.Now); err != nil {
		return err
	}
	if err := x.enter(); err != nil {
		return err
	}
	return x.meter(r, to, rule)
}

// plain is what a program calls itself, cut to 100 printable characters of ASCII.
func plain(agent string) string {
	var b strings.Builder
	for i := range min(len(agent), 100) {
		if c := agent[i]; c >= 0x20 && c < 0x7f {
			b.WriteByte(c)
		}
	}
	return b.String()
}
