package agent

import (
	"context"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// An agent may ask for an account by naming the human whose it is. Whether that
// human has an account here must not show, neither in the answer nor in its
// time: the request is put aside, whoever it names, and looked at later, by
// nobody who waits for it.
const (
	enrollEvery   = 10 * time.Minute // for one mail address, known or not
	enrollLife    = 24 * time.Hour   // for the human to decide
	enrollLease   = time.Minute
	maxEnrolls    = 1000 // requests that nobody looked at yet
	maxEnrollsOf  = 5    // enrolments that wait for one human
	enrollsAtOnce = 20
)

// NoAgent is the agent's id in every answer to an enrolment: the id itself would
// tell who has an account.
const NoAgent = "00000000-0000-0000-0000-000000000000"

var (
	errManyEnrolls = &fault.Error{Kind: fault.RateLimited, Code: "too_many_enrollments", RetryAfter: time.Minute,
		Detail: "Too many enrolments are waiting. Try again in some minutes."}
	errNoEnrollment = fault.New(fault.NotFound, "enrollment_not_found", "No such enrolment waits for you. It may have expired or been answered.")
)

// Enroll asks the human with that mail address to take an agent in.
func (s *Service) Enroll(ctx context.Context, c *call.Call, name, email, description string) error {
	c.Touch("agent", "")
	address, err := identity.NormalizeEmail(email)
	if err != nil {
		return err
	}
	r := EnrollRequest{
		ID: ids.New(), Email: address, Name: strings.TrimSpace(name), Description: strings.TrimSpace(description),
		Address: identity.AddressText(c.IP), CreatedAt: stamp.Of(c.Now),
	}
	if err := checkName(r.Name); err != nil {
		return err
	}
	if utf8.RuneCountInString(r.Description) > 1000 || !utf8.ValidString(r.Description) || strings.ContainsRune(r.Description, 0) {
		return invalid("invalid_description", "The description of an enrolment may have at most 1,000 characters.")
	}
	c.Succeed("enrollment", r.ID)
	wait, added, err := s.store.AddEnrollRequest(ctx, r, identity.HashKey(address), stamp.Of(c.Now.Add(enrollEvery)), maxEnrolls, c.Event)
	if err == nil && !added {
		c.Touch("agent", "")
		limited := *errManyEnrolls
		if !wait.IsZero() {
			limited.Code, limited.RetryAfter = "enrolled_lately", wait.Sub(c.Now)
			limited.Detail = "This mail address was named in an enrolment lately. Wait as long as the Retry-After header says."
		}
		err = &limited
	}
	return err
}

// ProcessEnrollments looks at the requests that wait. It runs in the background.
func (s *Service) ProcessEnrollments(ctx context.Context) error {
	for range enrollsAtOnce {
		now := s.cfg.Now()
		r, found, err := s.store.ClaimEnrollRequest(ctx, stamp.Of(now), stamp.Of(now.Add(enrollLease)))
		if err != nil || !found {
			return err
		}
		if err := s.enroll(ctx, &r, now); err != nil {
			return err
		}
	}
	return nil
}

// enroll mails the human, if there is one, and then stores what was mailed. The
// other way round an end in between would leave an enrolment that nobody hears of.
func (s *Service) enroll(ctx context.Context, r *EnrollRequest, now time.Time) error {
	a, err := s.store.AccountByEmail(ctx, r.Email)
	known := err == nil && (a.EmailVerified || !s.cfg.VerifyEmail) && now.Sub(r.CreatedAt) < enrollLife
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if known {
		waiting, err := s.store.Enrollments(ctx, a.ID, stamp.Of(now))
		if err != nil {
			return err
		}
		known = len(waiting) < maxEnrollsOf
	}
	if !known {
		return s.store.DropEnrollRequest(ctx, r.ID)
	}
	key, token := identity.NewKey(identity.AgentKeyPrefix), identity.RandomText()
	id := ids.New() // the agent's too, once there is one: its mail can say it
	if err := s.cfg.Mailer.EnrollAgent(ctx, a.Email, r.Name, r.Address, id, key, token); err != nil {
		return err
	}
	e := Enrollment{
		ID: id, User: a.ID, Name: r.Name, Description: r.Description, KeyHash: identity.HashKey(key), KeyPrefix: key[:identity.ShownPrefix],
		TokenHash: identity.HashKey(token), Address: r.Address, CreatedAt: r.CreatedAt, ExpiresAt: stamp.Of(now.Add(enrollLife)),
	}
	return s.store.AddEnrollment(ctx, r.ID, a.Org, e, &audit.Event{
		ID: ids.New(), Org: a.Org, At: now, Action: string(policy.EnrollAgent), ActorKind: string(policy.KindAnonymous),
		ResourceType: "enrollment", ResourceID: e.ID, IP: r.Address,
		Details: audit.Details{Outcome: audit.Success, Reason: "mailed", Target: "user:" + a.ID},
	})
}

// Enrollments returns those that wait for the calling user.
func (s *Service) Enrollments(ctx context.Context, c *call.Call) ([]Enrollment, error) {
	c.Touch("enrollment", "")
	if err := c.Authorize(policy.ReadEnrollment, c.Own()); err != nil {
		return nil, err
	}
	return s.store.Enrollments(ctx, c.Who.ID, stamp.Of(c.Now))
}

// EnrollmentByToken returns the enrolment that a mailed link leads to. Who has
// the link may see what it asks for; answering takes the human's login.
func (s *Service) EnrollmentByToken(ctx context.Context, token string) (Enrollment, error) {
	e, err := s.store.EnrollmentByToken(ctx, identity.HashKey(token), stamp.Of(s.cfg.Now()))
	if fault.Is(err, fault.NotFound) {
		err = errNoEnrollment
	}
	return e, err
}

func (s *Service) enrollment(ctx context.Context, c *call.Call, id string) (Enrollment, error) {
	all, err := s.store.Enrollments(ctx, c.Who.ID, stamp.Of(c.Now))
	for _, e := range all {
		if e.ID == id {
			return e, err
		}
	}
	if err == nil {
		err = errNoEnrollment
	}
	return Enrollment{}, err
}

// AcceptEnrollment makes the agent, of the calling user's and in the organisation
// that the caller acts in, and grants it what g says. From then on the key works
// that was mailed. Without g the agent has access to nothing yet.
func (s *Service) AcceptEnrollment(ctx context.Context, c *call.Call, id string, g *policy.Spec) (Agent, error) {
	c.Touch("enrollment", id)
	if err := c.Authorize(policy.AcceptEnrollment, c.Own()); err != nil {
		return Agent{}, err
	}
	e, err := s.enrollment(ctx, c, id)
	if err != nil {
		return Agent{}, err
	}
	draft := Agent{
		Name: e.Name, Description: e.Description, AuthMethod: MethodAPIKey, KeyHash: e.KeyHash, KeyPrefix: e.KeyPrefix,
	}
	draft.ID = e.ID
	a, err := s.prepareAgent(ctx, c, draft)
	if err != nil {
		return Agent{}, err
	}
	if g != nil {
		g.PrincipalKind, g.PrincipalID = policy.KindAgent, a.ID
		if *g, a.Warnings, err = s.cfg.Granter.DraftGrant(ctx, c, *g); err != nil {
			return Agent{}, err
		}
	}
	c.Succeed("enrollment", id)
	c.Event.Details.Target = "agent:" + a.ID
	if g != nil {
		c.Event.Details.Vault, c.Event.Details.Path = g.Vault, g.Pattern
	}
	err = s.withIdentityKeys(ctx, c, &a, func() error { return s.store.AcceptEnrollment(ctx, id, a, g, c.Event) })
	if fault.CodeOf(err) == errNoEnrollment.Code { // of two that answer at once, one
		err = errNoEnrollment
	}
	if err != nil {
		return Agent{}, err
	}
	return a, nil
}

// RejectEnrollment forgets an enrolment and its key.
func (s *Service) RejectEnrollment(ctx context.Context, c *call.Call, id string) error {
	c.Touch("enrollment", id)
	if err := c.Authorize(policy.RejectEnrollment, c.Own()); err != nil {
		return err
	}
	c.Succeed("enrollment", id)
	err := s.store.RejectEnrollment(ctx, c.Who.Org, c.Who.ID, id, stamp.Of(c.Now), c.Event)
	if fault.Is(err, fault.NotFound) {
		err = errNoEnrollment
	}
	return err
}

// enrollmentsEvery is how often Run looks for enrolments.
const enrollmentsEvery = time.Second

// Run looks at enrolments in the background until ctx ends.
func (s *Service) Run(ctx context.Context) {
	loop.Every(ctx, enrollmentsEvery, func(ctx context.Context) {
		if err := s.ProcessEnrollments(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("enrolments of agents wait", slog.Any("error", err))
		}
	})
}
