package broker

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Placed is a secret in a place of a request that a binding of it allows.
type Placed struct {
	In    binding.Place // header:NAME, query:NAME or body:POINTER
	Path  string        // of the secret
	Field string
	Shown bool // the caller may also read the secret
}

// Placed returns which secrets of a request of the caller, sent now, stand where a binding of them allows, and
// may be used by the caller. Nothing is opened or sent. A request that Send refuses as it is written has none.
func (s *Service) Placed(ctx context.Context, c *call.Call, r *Request) (out []Placed, err error) {
	d, err := read(r)
	if err != nil {
		return nil, err
	}
	for i := range d.slots {
		one := d
		one.slots = d.slots[i : i+1]
		uses, err := s.find(ctx, c, &one, r.Vault)
		switch {
		case err != nil && fault.KindOf(err) != fault.Internal:
			continue // Send says why
		case err != nil:
			return nil, err
		}
		slot, at := &d.slots[i], uses[0].at
		shown, err := s.cfg.Vault.MayRead(ctx, c, at.Vault, at.Path)
		if err != nil {
			return nil, err
		}
		out = append(out, Placed{In: slot.place, Path: slot.ref.Path.String(), Field: slot.ref.Field, Shown: shown})
	}
	return out, nil
}
