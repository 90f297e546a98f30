package wanted

import (
	"context"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/oneline"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Bounds of what an agent asks for.
const (
	MaxWords    = 500 // bytes of a reason, or of an answer
	UsualWait   = 24 * time.Hour
	MinWait     = 5 * time.Minute
	MaxWait     = 7 * 24 * time.Hour
	MaxWaiting  = 20 // requests of one agent
	MaxAsked    = 60 // that it makes within AskedWithin: what is withdrawn has cost attention too
	AskedWithin = time.Hour
	// DeclinePause is how long an agent waits after a person declined before it asks for the same path.
	DeclinePause = time.Hour
)

// Asking is what an agent asks for.
type Asking struct {
	Vault         string
	Path          secretpath.Path
	Reason        string
	Service, Host string
	Wait          time.Duration // zero: UsualWait
}

var (
	errWords   = fault.New(fault.Invalid, "invalid_reason", "reason is one line of at most 500 bytes that says what the secret is for, without control characters and without characters that can not be seen or that turn the direction of text.")
	errService = fault.New(fault.Invalid, "invalid_service", "service is one of those that oneclaw bind --as knows, such as github or stripe. Leave it out, and suggest a host, for others.")
	// ErrWait is of a time to wait that is too short or too long.
	ErrWait = fault.New(fault.Invalid, "invalid_expires_in", "expires_in_seconds is between 300 (five minutes) and 604800 (a week).")
	errMany = &fault.Error{Kind: fault.RateLimited, Code: "too_many_secret_requests", RetryAfter: time.Minute,
		Detail: "Too many of your requests wait for a person, or were made within the hour. Withdraw what you need no more."}
)

// RoomToAsk refuses one more request of an agent of which so many wait, and that made so
// many within AskedWithin.
func RoomToAsk(waiting, asked int64) error {
	if waiting >= MaxWaiting || asked >= MaxAsked {
		return errMany
	}
	return nil
}

// AfterDecline refuses to ask again for a path that a person declined a short while ago.
func AfterDecline(last, now time.Time) error {
	left := last.Add(DeclinePause).Sub(now)
	if last.IsZero() || left <= 0 {
		return nil
	}
	return &fault.Error{Kind: fault.RateLimited, Code: "secret_request_paused", RetryAfter: left,
		Detail: "A person declined a request for this path a short while ago. Talk to them, or wait as long as the Retry-After header says."}
}

// CheckWords refuses what does not fit a line that people are shown: it must look like what
// it is, everywhere.
func CheckWords(text string) error {
	if len(text) > MaxWords || !oneline.Plain(text) {
		return errWords
	}
	return nil
}

func (a *Asking) check() error {
	if strings.TrimSpace(a.Reason) == "" {
		return errWords
	}
	if err := CheckWords(a.Reason); err != nil {
		return err
	}
	if _, known := binding.Services()[a.Service]; a.Service != "" && !known {
		return errService
	}
	if a.Host != "" {
		list, err := binding.Check([]binding.Binding{{Hosts: []string{a.Host}}})
		if err != nil {
			return err
		}
		a.Host = list[0].Hosts[0]
	}
	if a.Wait == 0 {
		a.Wait = UsualWait
	}
	if a.Wait < MinWait || a.Wait > MaxWait {
		return ErrWait
	}
	return nil
}

// Ask stores that the calling agent lacks a secret, with the event of the call, and has those
// told who may give it. While a request for the same path waits, that one is returned. Whether
// there is a secret at the path makes no difference.
func (s *Service) Ask(ctx context.Context, c *call.Call, a Asking) (Request, vault.Prospect, error) {
	if err := c.Authorize(policy.RequestSecret, c.Own()); err != nil {
		return Request{}, vault.Prospect{}, err
	}
	may, err := s.cfg.Vault.Asks(ctx, c, a.Vault, a.Path)
	if err != nil {
		return Request{}, may, err
	}
	if err := a.check(); err != nil {
		return Request{}, may, err
	}
	now := stamp.Of(c.Now)
	r := Request{
		ID: ids.New(), Org: c.Who.Org, Vault: a.Vault, Path: a.Path.String(), Agent: c.Who.ID, Reason: a.Reason, Service: a.Service, Host: a.Host,
		Status: Waiting, CreatedAt: now, ExpiresAt: now.Add(a.Wait),
	}
	c.Event.Details.Outcome = audit.Success
	r, err = s.cfg.Store.AskSecret(ctx, r, c.Event)
	return r, may, err
}

// Withdraw takes a request of the calling agent back.
func (s *Service) Withdraw(ctx context.Context, c *call.Call, id string) (Request, error) {
	c.Touch("secret_request", id)
	if err := c.Authorize(policy.WithdrawSecretRequest, c.Own()); err != nil {
		return Request{}, err
	}
	r, err := s.found(ctx, c, id)
	if err != nil {
		return Request{}, err
	}
	r.Status, r.DecidedAt = Withdrawn, stamp.Of(c.Now)
	c.Event.Details.Outcome = audit.Success
	return r, s.cfg.Store.EndSecretRequest(ctx, r, c.Event)
}
