package vault

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/oneline"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Create makes a vault with a key-encryption key of its own. Conflict when the
// organisation has a vault of that name.
func (s *Service) Create(ctx context.Context, c *call.Call, name, description string) (Vault, error) {
	c.Touch("vault", "")
	if err := c.Authorize(policy.CreateVault, c.Own()); err != nil {
		return Vault{}, err
	}
	v := Vault{
		ID: ids.New(), Org: c.Who.Org, Name: strings.TrimSpace(name), Description: description,
		CreatedBy: c.Who.ID, CreatedByKind: c.Who.Kind, CreatorHuman: c.Who.Creator,
		CreatedAt: stamp.Of(c.Now),
	}
	if err := checkName(v.Name); err != nil {
		return Vault{}, err
	}
	if err := checkDescription(description); err != nil {
		return Vault{}, err
	}
	if err := s.store.RoomForVault(ctx, v.Org); err != nil {
		return Vault{}, err
	}
	c.Touch("vault", v.ID)
	c.Event.Details.Outcome, c.Event.Details.Vault = audit.Success, v.ID
	if err := s.add(ctx, v, c.Event); err != nil {
		c.Touch("vault", "")
		c.Event.Details.Vault = ""
		return Vault{}, err
	}
	return v, nil
}

// add makes the key first: a vault without its key would be of no use, a key
// without its vault does no harm and is destroyed again.
func (s *Service) add(ctx context.Context, v Vault, ev *audit.Event) error {
	if err := s.keys.CreateKEK(ctx, v.KEK()); err != nil {
		return err
	}
	err := s.store.AddVault(ctx, v, ev)
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.Denied) {
		if err := s.keys.DestroyKEK(context.WithoutCancel(ctx), v.KEK()); err != nil {
			s.log.Warn("the key of a vault that was not created stays", slog.String("key", v.KEK()), slog.Any("error", err))
		}
	}
	return err
}

func checkName(name string) error {
	n := utf8.RuneCountInString(name)
	if n < 1 || n > 255 || !oneline.Plain(name) || NameKey(name) == "" {
		return fault.New(fault.Invalid, "invalid_name", "A name has 1 to 255 characters that are all seen: none of control, of direction or without a shape.")
	}
	if ids.Like(name) {
		return fault.New(fault.Invalid, "invalid_name", "A name is no UUID and not eight hexadecimal digits: it would be taken for the id of another vault.")
	}
	if looksReserved(name) {
		return fault.New(fault.Invalid, "reserved_name", "Names that begin with two underscores are kept for the server. Choose another.")
	}
	return nil
}

func checkDescription(text string) error {
	// PostgreSQL keeps no NUL in a text.
	if utf8.RuneCountInString(text) > 4096 || strings.ContainsRune(text, 0) {
		return fault.New(fault.Invalid, "invalid_description", "A description may have at most 4,096 characters and no NUL.")
	}
	return nil
}

// Change gives a vault another name and description, where they are not nil. References
// by the former name find nothing from then on, or the vault that takes it. Conflict when another vault
// of the organisation has the name.
func (s *Service) Change(ctx context.Context, c *call.Call, id string, name, description *string) (Vault, error) {
	e, err := s.open(ctx, c, id)
	if err != nil {
		return Vault{}, err
	}
	if err := c.Authorize(policy.UpdateVault, resource(e, secretpath.Path{})); err != nil {
		return Vault{}, err
	}
	if name == nil && description == nil {
		return Vault{}, fault.New(fault.Invalid, "nothing_to_change", "Give a name or a description.")
	}
	if name != nil {
		trimmed := strings.TrimSpace(*name)
		name = &trimmed
		if err := checkName(trimmed); err != nil {
			return Vault{}, err
		}
	}
	if description != nil {
		if err := checkDescription(*description); err != nil {
			return Vault{}, err
		}
	}
	c.Event.Details.Outcome = audit.Success
	return s.store.ChangeVault(ctx, c.Who.Org, id, name, description, c.Event)
}

// Get returns a vault that the caller may see.
func (s *Service) Get(ctx context.Context, c *call.Call, id string) (Vault, error) {
	e, err := s.open(ctx, c, id)
	if err != nil {
		return Vault{}, err
	}
	if err := c.Authorize(policy.ReadVault, resource(e, secretpath.Path{})); err != nil {
		return Vault{}, err
	}
	return e.vault, nil
}

// Shows reports whether the caller may see the vault. NotFound when there is none.
func (s *Service) Shows(ctx context.Context, c *call.Call, id string) (bool, error) {
	e, err := s.known.get(ctx, s.store, id)
	return err == nil && policy.Decide(c.Who, policy.ReadVault, resource(e, secretpath.Path{}), c.At()).Allow, err
}

// Widens reports whether an agent that gets from one cap to another reaches a path
// of some vault on laxer terms than a policy asks for there at that time.
func (s *Service) Widens(ctx context.Context, agent string, was, now policy.Cap, at time.Time) (bool, error) {
	ids, err := s.store.VaultsOfAgent(ctx, agent)
	if err != nil {
		return false, err
	}
	shared, err := s.store.SharedWith(ctx, agent, at)
	if err != nil {
		return false, err
	}
	for id := range shared {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		e, err := s.known.get(ctx, s.store, id)
		if fault.Is(err, fault.NotFound) {
			continue // deleted meanwhile
		}
		if err != nil || e.policies.Widens(agent, e.policyVault, was, now, shared[id]) {
			return err == nil, err
		}
	}
	return false, nil
}

// All returns the vaults that the caller may see, oldest first.
func (s *Service) All(ctx context.Context, c *call.Call) ([]Vault, error) {
	c.Touch("vault", "")
	if err := c.Authorize(policy.ListVaults, c.Own()); err != nil {
		return nil, err
	}
	all, err := s.store.Vaults(ctx, c.Who.Org)
	if err != nil {
		return nil, err
	}
	seen := make([]Vault, 0, len(all))
	for _, v := range all {
		e, err := s.known.get(ctx, s.store, v.ID)
		if fault.Is(err, fault.NotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		if policy.Decide(c.Who, policy.ReadVault, resource(e, secretpath.Path{}), c.At()).Allow {
			seen = append(seen, v)
		}
	}
	return seen, nil
}

// Remove deletes a vault with everything in it and destroys its key, which
// makes every copy of its values unreadable.
func (s *Service) Remove(ctx context.Context, c *call.Call, id string) error {
	e, err := s.open(ctx, c, id)
	if err != nil {
		return err
	}
	if err := c.Authorize(policy.DeleteVault, resource(e, secretpath.Path{})); err != nil {
		return err
	}
	c.Event.Details.Outcome = audit.Success
	if err := s.store.RemoveVault(ctx, e.vault, c.Event); err != nil {
		return err
	}
	// The rows are gone for good: a key that can't be destroyed now stays
	// scheduled, and the next Sweep tries again.
	if err := s.Sweep(context.WithoutCancel(ctx)); err != nil {
		s.log.Error("the key of a deleted vault could not be destroyed yet, or its secrets not be cleared away", slog.Any("error", err))
	}
	return nil
}

// maxUndestroyed is how many keys are tried in vain before a keystore counts as
// away.
const maxUndestroyed = 3

// Sweep destroys the keys of vaults that are gone, and clears away what is left of
// them: also what was cut short by a crash or a keystore that was away. A key that can't be destroyed
// keeps the others from it only when it looks as if none can.
func (s *Service) Sweep(ctx context.Context) error {
	ids, err := s.store.KeysToDestroy(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		err := s.keys.DestroyKEK(ctx, id)
		if err == nil {
			err = s.store.ForgetKey(ctx, id)
		}
		if err != nil {
			errs = append(errs, err)
		}
		if len(errs) == maxUndestroyed || ctx.Err() != nil {
			break // to ask a keystore that is away takes time, and somebody may wait
		}
	}
	return errors.Join(append(errs, s.store.ClearRemains(ctx))...)
}
