package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Line is one line of an export: a header, a checkpoint or an event, by Kind.
type Line struct {
	Kind string `json:"kind"` // "log", "checkpoint" or "event"
	Org  string `json:"org_id"`
	Seq  uint64 `json:"seq,omitempty"`
	Hash string `json:"hash,omitempty"` // hexadecimal
	At   int64  `json:"at,omitempty"`   // microseconds since 1970 UTC

	// Checkpoints.
	KeyID     string `json:"key_id,omitempty"`
	Signature []byte `json:"signature,omitempty"`

	// Events.
	ID           string `json:"id,omitempty"`
	Action       string `json:"action,omitempty"`
	ActorKind    string `json:"actor_type,omitempty"`
	ActorID      string `json:"actor_id,omitempty"`
	ResourceType string `json:"resource_type,omitempty"`
	ResourceID   string `json:"resource_id,omitempty"`
	IP           string `json:"ip_address,omitempty"`
	// Details is the exact text that was hashed.
	Details string `json:"details,omitempty"`
}

// Export feeds org's log to emit: a header that counts the events, the
// checkpoints, then the events in order.
func (l *Log) Export(ctx context.Context, org string, emit func(line any) error) error {
	// A fresh checkpoint, so that the export's end is signed too. A log that was
	// tampered with gets none, and is given out all the same: it is evidence.
	if err := l.signGrown(ctx, org, 1); err != nil && fault.CodeOf(err) != codeChanged {
		return err
	}
	points, err := l.Store.Checkpoints(ctx, org, 0)
	if err != nil {
		return err
	}
	head, err := l.Store.Head(ctx, org)
	if err != nil {
		return err
	}
	// Events that came in since the checkpoint stay out.
	if n := len(points); n > 0 && points[n-1].Seq < head.Seq {
		head = Head{Seq: points[n-1].Seq, Hash: points[n-1].Hash}
	}
	if err := emit(Line{Kind: "log", Org: org, Seq: head.Seq, Hash: head.Hash.String()}); err != nil {
		return err
	}
	for _, c := range points {
		line := Line{Kind: "checkpoint", Org: org, Seq: c.Seq, Hash: c.Hash.String(), At: c.At.UnixMicro(), KeyID: c.KeyID, Signature: c.Signature}
		if err := emit(line); err != nil {
			return err
		}
	}
	var failed error
	err = l.Store.Walk(ctx, org, 0, func(r *Row) bool {
		if r.Seq > head.Seq {
			return false
		}
		failed = emit(Line{
			Kind: "event", Org: r.Org, Seq: r.Seq, Hash: r.Hash.String(), At: r.At.UnixMicro(), ID: r.ID, Action: r.Action,
			ActorKind: r.ActorKind, ActorID: r.ActorID, ResourceType: r.ResourceType, ResourceID: r.ResourceID, IP: r.IP,
			Details: string(r.DetailsJSON),
		})
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

var errBadExport = fault.New(fault.Invalid, "invalid_export", "This is not an export of an audit log: a line can't be read.")

// VerifyExport checks an export with nothing but the public keys of its
// checkpoints, by key id. It returns fault.Invalid for what is no export.
func VerifyExport(in io.Reader, keys map[string]ed25519.PublicKey) (Report, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	var v *Verifier
	var head Head
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var line Line
		// Strict, so that no other reader sees another event in the same line.
		if err := json.Unmarshal(lines.Bytes(), &line, json.RejectUnknownMembers(true)); err != nil {
			return Report{}, errBadExport
		}
		hash, ok := parseHash(line.Hash)
		if !ok || (v == nil) != (line.Kind == "log") {
			return Report{}, errBadExport
		}
		switch line.Kind {
		case "log":
			v, head = NewVerifier(line.Org, keys), Head{Seq: line.Seq, Hash: hash}
		case "checkpoint":
			v.Checkpoint(Checkpoint{Org: line.Org, Seq: line.Seq, Hash: hash, At: time.UnixMicro(line.At).UTC(), KeyID: line.KeyID, Signature: line.Signature})
		case "event":
			v.Event(&Row{Event: Event{
				Seq: line.Seq, ID: line.ID, Org: line.Org, At: time.UnixMicro(line.At).UTC(), Action: line.Action,
				ActorKind: line.ActorKind, ActorID: line.ActorID, ResourceType: line.ResourceType, ResourceID: line.ResourceID,
				IP: line.IP, Hash: hash,
			}, DetailsJSON: []byte(line.Details)})
		default:
			return Report{}, errBadExport
		}
	}
	if lines.Err() != nil || v == nil {
		return Report{}, errBadExport
	}
	report := v.Finish(head)
	// An export ends with a fresh checkpoint. Without one its end proves nothing:
	// anybody can chain hashes.
	if report.OK && report.Signed < head.Seq {
		v.fail(report.Signed+1, "", fmt.Sprintf("event %d and what follows is confirmed by no signature: the export was cut or made up", report.Signed+1))
		report = v.Finish(head)
	}
	return report, nil
}

func parseHash(s string) (h Hash, ok bool) {
	b, err := hex.DecodeString(s)
	return Hash(append(b, make([]byte, len(h))...)[:len(h)]), err == nil && len(b) == len(h)
}

// ParsePublicKey reads a base64 key, as the list of checkpoint keys gives it.
func ParsePublicKey(s string) (ed25519.PublicKey, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, fault.New(fault.Invalid, "invalid_public_key", "A public key is 32 bytes in base64, as /v1/audit/keys gives it.")
	}
	return b, nil
}
