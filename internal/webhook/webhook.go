// Package webhook tells organisations of events of their own choice, as they come
// into the audit log.
//
// Its promise: the log is the queue. A receiver is told of each event that it asked
// for, in the order of the log and at least once, and of nothing that an owner or
// admin could not read in the log. One that is too slow, or does not answer, misses
// the oldest, and is told how many. Requests pay nothing for it.
package webhook

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/signedcall"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Hook is where an organisation is told of events.
type Hook struct {
	ID, Org, URL string
	Events       []string // words and areas, see CheckEvents
	Description  string
	Active       bool
	Box          seal.Box // the signing secret
	CreatedBy    string
	CreatedAt    time.Time
	UpdatedAt    time.Time
	Revision     int64 // moves with each edit
	State
}

// State is how far the telling has come.
type State struct {
	Told         uint64 // the event of the log up to which the receiver was told
	Skipped      uint64 // events that were left out since the last delivery
	Next         time.Time
	Attempts     int // that failed in a row
	FailingSince time.Time
	PausedAt     time.Time // after failing for PauseAfter, or by a restore; zero: it goes on
	Last         signedcall.Last
}

// Restored reports whether it is paused since the database was put back from a backup: the
// original may call the same address.
func (s *State) Restored() bool { return !s.PausedAt.IsZero() && s.FailingSince.IsZero() }

// Max is how many an organisation may have.
const Max = 10

var (
	errMany        = fault.New(fault.Conflict, "too_many_webhooks", "An organisation may have 10 webhooks.")
	errDescription = fault.New(fault.Invalid, "invalid_description", "description is one line of at most 500 bytes.")
)

// CheckRoom refuses one more where an organisation has so many.
func CheckRoom(has int) error {
	if has >= Max {
		return errMany
	}
	return nil
}

// Store keeps the hooks.
type Store interface {
	// AddHook stores a hook that is told of what comes with this write and after it.
	AddHook(ctx context.Context, h *Hook, ev *audit.Event) error
	// Hooks returns those of an organisation, the oldest first.
	Hooks(ctx context.Context, org string) ([]Hook, error)
	// Hook returns fault.NotFound for one of another organisation.
	Hook(ctx context.Context, org, id string) (Hook, error)
	// ChangeHook changes a hook in one transaction. With widens it is noted whose
	// change it was, so that the hook ends with that right. With resumes it is told of
	// what comes with this write and after it.
	ChangeHook(ctx context.Context, org, id string, change func(*Hook) (widens, resumes bool), ev *audit.Event) (Hook, error)
	RemoveHook(ctx context.Context, org, id string, ev *audit.Event) error
	Queue
}

// Config is what a Service is made of.
type Config struct {
	Store Store
	Calls *signedcall.Caller
	// Render encodes an event as the audit log's readers get it, with the actor's name.
	Render func(r *audit.Row, actorName string) (json.RawMessage, error)
	Log    *slog.Logger
	Now    func() time.Time
}

// Service is the resource, and tells receivers while Run runs.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Draft is a hook as it is asked for.
type Draft struct {
	URL, Description string
	Events           []string
}

// Create stores a hook and returns the secret that its calls are signed with. It is
// shown this once. Wipe it.
func (s *Service) Create(ctx context.Context, c *call.Call, d Draft) (Hook, secret.Bytes, error) {
	c.Touch("webhook", "")
	if err := s.mayTell(c, policy.CreateHook); err != nil {
		return Hook{}, secret.Bytes{}, err
	}
	h := Hook{
		ID: ids.New(), Org: c.Who.Org, Events: d.Events, Description: d.Description, Active: true, CreatedBy: c.Who.ID,
		CreatedAt: stamp.Of(c.Now), UpdatedAt: stamp.Of(c.Now), Revision: 1,
	}
	err := h.check()
	if err == nil {
		h.URL, err = s.cfg.Calls.CheckURL(ctx, d.URL)
	}
	if err == nil {
		err = c.RequirePersonToLast()
	}
	if err != nil {
		return Hook{}, secret.Bytes{}, err
	}
	var key secret.Bytes
	if key, h.Box, err = s.cfg.Calls.NewSecret(ctx, h.ref()); err != nil {
		return Hook{}, secret.Bytes{}, err
	}
	c.Succeed("webhook", h.ID)
	if err := s.cfg.Store.AddHook(ctx, &h, c.Event); err != nil {
		key.Wipe()
		return Hook{}, secret.Bytes{}, err
	}
	return h, key, nil
}

// List returns the organisation's hooks, the oldest first.
func (s *Service) List(ctx context.Context, c *call.Call) ([]Hook, error) {
	if err := c.Authorize(policy.ListHooks, c.Own()); err != nil {
		return nil, err
	}
	return s.cfg.Store.Hooks(ctx, c.Who.Org)
}

// Get returns one hook.
func (s *Service) Get(ctx context.Context, c *call.Call, id string) (Hook, error) {
	c.Touch("webhook", id)
	if err := c.Authorize(policy.ReadHook, c.Own()); err != nil {
		return Hook{}, err
	}
	return s.cfg.Store.Hook(ctx, c.Who.Org, id)
}

// Change is what may be changed of a hook.
type Change struct {
	URL, Description patch.Field[string]
	Events           patch.Field[[]string]
	Active           patch.Field[bool]
}

// Update changes a hook. To send more, or elsewhere, or again, takes what making one
// takes, and the hook then ends with that right too.
func (s *Service) Update(ctx context.Context, c *call.Call, id string, d Change) (Hook, error) {
	c.Touch("webhook", id)
	widens := d.URL.Set || d.Events.Set || d.Active.Set && d.Active.Value
	err := c.Authorize(policy.UpdateHook, c.Own())
	if err == nil && widens {
		err = s.mayTell(c, policy.UpdateHook)
	}
	if err == nil && d.URL.Set && !d.URL.Null {
		d.URL.Value, err = s.cfg.Calls.CheckURL(ctx, d.URL.Value)
	}
	if err == nil {
		will := Hook{Events: []string{"*"}}
		d.Events.Keep(&will.Events)
		d.Description.Clear(&will.Description)
		err = will.check()
	}
	if err == nil && widens { // nobody is asked for a password for what can't be
		err = c.RequirePersonToLast()
	}
	if err != nil {
		return Hook{}, err
	}
	c.Succeed("webhook", id)
	return s.cfg.Store.ChangeHook(ctx, c.Who.Org, id, func(h *Hook) (bool, bool) {
		was := *h
		d.URL.Keep(&h.URL)
		d.Events.Keep(&h.Events)
		d.Description.Clear(&h.Description)
		d.Active.Keep(&h.Active)
		resumes := d.Active.Set && d.Active.Value && (!was.Active || !was.PausedAt.IsZero())
		h.Revision++
		h.UpdatedAt = stamp.Of(c.Now)
		return widens, resumes
	}, c.Event)
}

// Remove ends a hook.
func (s *Service) Remove(ctx context.Context, c *call.Call, id string) error {
	c.Touch("webhook", id)
	if err := c.Authorize(policy.DeleteHook, c.Own()); err != nil {
		return err
	}
	c.Succeed("webhook", id)
	return s.cfg.Store.RemoveHook(ctx, c.Who.Org, id, c.Event)
}

// mayTell asks whether the caller may have events of the whole log sent away: it must
// be able to take the log away itself.
func (s *Service) mayTell(c *call.Call, a policy.Action) error {
	if err := c.Authorize(a, c.Own()); err != nil {
		return err
	}
	return policy.Decide(c.Who, policy.VerifyAudit, c.Own(), c.At()).ErrOf(policy.VerifyAudit)
}

func (h *Hook) check() error {
	if len(h.Description) > 500 || strings.ContainsFunc(h.Description, func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
	}) {
		return errDescription
	}
	return CheckEvents(h.Events)
}

// SealOf says which key the signing secret of a hook is sealed with, and where.
func SealOf(org, id string) (key string, at seal.Ref) {
	return signedcall.KEK, (&Hook{Org: org, ID: id}).ref()
}

func (h *Hook) ref() seal.Ref {
	return seal.Ref{Org: h.Org, Vault: "webhooks", Path: h.ID, Version: 1}
}
