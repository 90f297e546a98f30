package ops

import (
	"crypto/ed25519"
	"io"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
)

// VerifyExport checks an exported log offline, with the checkpoint keys as
// "ID=BASE64" separated by commas or blanks; a bare BASE64 is the key audit:1.
func VerifyExport(in io.Reader, publicKeys string) (client.AuditReport, error) {
	keys := map[string]ed25519.PublicKey{}
	for _, item := range strings.FieldsFunc(publicKeys, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		// Base64 may end in "=": an id is what comes before the first one only
		// when it looks like one.
		id, key := keyring.FirstAudit, item
		if before, after, ok := strings.Cut(item, "="); ok && strings.HasPrefix(before, string(keyring.Audit)) {
			id, key = before, after
		}
		k, err := audit.ParsePublicKey(key)
		if err != nil {
			return client.AuditReport{}, err
		}
		keys[id] = k
	}
	r, err := audit.VerifyExport(in, keys)
	return client.AuditReport{
		OK: r.OK, Events: int64(r.Events), Checkpoints: int64(r.Checkpoints), SignedSeq: int64(r.Signed),
		FirstBadEventID: r.BadID, FirstBadSeq: int64(r.BadSeq), Problem: r.Problem, UnknownKey: r.UnknownKey,
	}, err
}
