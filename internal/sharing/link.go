package sharing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// linkKEK is the key that what opens links is sealed with.
const linkKEK = "shares"

// hashed is how the id that opens a link is looked up.
func hashed(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// find returns the share that callers know by an id. The hash that is stored of a link's
// is none: a reader of the database opens no link.
func (s *Service) find(ctx context.Context, id string) (Share, error) {
	sh, err := s.cfg.Store.Share(ctx, id, hashed(id))
	if err == nil && sh.Type == ToLink && sh.Handle != hashed(id) {
		return Share{}, ErrNoShare
	}
	return sh, err
}

// LogID is what the log of an organisation calls the share that callers know by an id. That
// of a link opens it, and is not in the log. What no share of the organisation is known by
// is returned as it is.
func (s *Service) LogID(ctx context.Context, org, id string) (string, error) {
	sh, err := s.find(ctx, id)
	switch {
	case fault.Is(err, fault.NotFound), err == nil && sh.Org != org:
		return id, nil
	case err != nil:
		return "", err
	}
	return sh.ID, nil
}

// SealOfLink says which key what opens a link is sealed with, and where.
func SealOfLink(org, vault, id string) (kek string, at seal.Ref) {
	return linkKEK, (&Share{Org: org, Vault: vault, ID: id}).ref()
}

func (s *Share) ref() seal.Ref {
	return seal.Ref{Org: s.Org, Vault: s.Vault, Path: ":share:" + s.ID, Version: 1}
}

// name gives the share the id that callers know it by. That of a link opens it,
// so it is kept as a hash, and sealed for its maker's list.
func (s *Service) name(ctx context.Context, sh *Share) (err error) {
	sh.Handle, sh.public = sh.ID, sh.ID
	if sh.Type != ToLink {
		return nil
	}
	sh.public = ids.New() // 122 random bits: clients take ids for UUIDs
	sh.Handle = hashed(sh.public)
	value := secret.FromString(sh.public)
	defer value.Wipe()
	sh.Link, err = s.cfg.Sealer.Seal(ctx, linkKEK, sh.ref(), value)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	if err := s.cfg.Keys.CreateKEK(ctx, linkKEK); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	sh.Link, err = s.cfg.Sealer.Seal(ctx, linkKEK, sh.ref(), value)
	return err
}

// recall fills in what callers know the share by. A link whose seal is damaged goes by
// its row's id: that ends it, and opens nothing.
func (s *Service) recall(ctx context.Context, sh *Share) error {
	if sh.public = sh.ID; sh.Type != ToLink {
		return nil
	}
	value, err := s.cfg.Sealer.Open(ctx, linkKEK, sh.ref(), sh.Link)
	if err = seal.KeyLost(err); fault.Is(err, fault.Damaged) {
		return nil
	}
	if err != nil {
		return err
	}
	defer value.Wipe()
	sh.public = string(value.Reveal())
	return nil
}
