package identity

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Directory answers who exists. It is apart from Service since the vault needs
// it, and Service needs the vault.
type Directory struct{ store Store }

// NewDirectory returns a Directory.
func NewDirectory(st Store) *Directory { return &Directory{store: st} }

// Exists returns nil when the organisation has that user or agent, and else
// fault.NotFound.
func (d *Directory) Exists(ctx context.Context, org string, kind policy.PrincipalKind, id string) error {
	switch kind {
	case policy.KindAgent:
		a, err := d.store.Standing(ctx, id)
		if err == nil && a.Org != org {
			err = errNoPrincipal
		}
		return hide(err)
	case policy.KindUser:
		_, err := d.store.Account(ctx, id, org)
		return hide(err)
	default:
		return errNoPrincipal
	}
}

var errNoPrincipal = fault.New(fault.NotFound, "principal_not_found", "There is no such user or agent in this organisation.")

func hide(err error) error {
	if fault.Is(err, fault.NotFound) {
		return errNoPrincipal
	}
	return err
}
