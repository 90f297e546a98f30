package keyring

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// Series is a row of signing keys in the keystore: a name and a number. The highest
// one signs, all verify.
type Series string

// The series of one server.
const (
	Token  Series = "token:"  // signs access tokens; package identity makes and numbers its keys
	Audit  Series = "audit:"  // signs checkpoints of the log
	Backup Series = "backup:" // signs manifests of backups
)

// FirstAudit is the first key that signs checkpoints.
const FirstAudit = "audit:1"

// Number is 0 for what is no id of the series.
func (s Series) Number(id string) int {
	text, ours := strings.CutPrefix(id, string(s))
	n, err := strconv.Atoi(text)
	if !ours || err != nil || n < 1 || strconv.Itoa(n) != text {
		return 0
	}
	return n
}

// IDs are those that the keystore has, the newest last. It is asked each time:
// another process may have made a key since.
func (s Series) IDs(ctx context.Context, keys keystore.KeyStore) ([]string, error) {
	all, err := keys.Signers(ctx)
	if err != nil {
		return nil, err
	}
	mine := slices.DeleteFunc(all, func(id string) bool { return s.Number(id) == 0 })
	slices.SortFunc(mine, func(a, b string) int { return s.Number(a) - s.Number(b) })
	return mine, nil
}

// Add makes the next key and returns its id.
func (s Series) Add(ctx context.Context, keys keystore.KeyStore) (string, error) {
	ids, err := s.IDs(ctx, keys)
	if err != nil {
		return "", err
	}
	next := 1
	if len(ids) > 0 {
		next += s.Number(ids[len(ids)-1])
	}
	id := string(s) + strconv.Itoa(next)
	return id, keys.CreateSigner(ctx, id)
}

// Ensure makes the first key. Of two processes that do at once, the second is as
// well served by the other's.
func (s Series) Ensure(ctx context.Context, keys keystore.KeyStore) error {
	ids, err := s.IDs(ctx, keys)
	if err != nil || len(ids) > 0 {
		return err
	}
	if _, err := s.Add(ctx, keys); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	return nil
}

// Newest is the key that signs.
func (s Series) Newest(ctx context.Context, keys keystore.KeyStore) (string, crypto.Signer, error) {
	if err := s.Ensure(ctx, keys); err != nil {
		return "", nil, err
	}
	ids, err := s.IDs(ctx, keys)
	if err != nil {
		return "", nil, err
	}
	if len(ids) == 0 {
		return "", nil, errors.New("the keystore does not list the key that it made")
	}
	id := ids[len(ids)-1]
	signer, err := keys.Signer(ctx, id)
	return id, signer, err
}

// Spell is a public key as it is printed, and given with --key.
func Spell(id string, key crypto.PublicKey) (string, error) {
	k, ok := key.(ed25519.PublicKey)
	if !ok {
		return "", errors.New("the key is no Ed25519 key")
	}
	return id + "=" + base64.StdEncoding.EncodeToString(k), nil
}

// Parse reads what Spell wrote. The id may be left out.
func Parse(text string) (ed25519.PublicKey, error) {
	if id, key, ok := strings.Cut(text, "="); ok && Backup.Number(id) > 0 {
		text = key
	}
	return audit.ParsePublicKey(text)
}
