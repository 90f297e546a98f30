// Package audit defines the append-only log: what an event holds, how events
// chain by hash, how checkpoints are signed, and how a log is verified offline.
//
// Its promise: an event never holds a secret value, a key, a token or a request
// body; and an event that was altered, removed, reordered or inserted after the
// fact is found by Verify, which names the first one that does not fit.
package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// SystemOrg is the chain of events that belong to no organisation, such as
// failed authentications of unknown callers.
const SystemOrg = "00000000-0000-0000-0000-000000000000"

// Outcomes of a request.
const (
	Success = "success" // it was done
	Denied  = "denied"  // the caller may not, or is not who it says
	Failed  = "failed"  // the request itself was no good (4xx)
	Error   = "error"   // the server could not (5xx)
)

// Event is one line of the log. All strings are identifiers, fixed codes or
// parsed secret paths; never raw input.
type Event struct {
	Seq          uint64 // position in its organisation's chain, from 1
	ID           string // UUID
	Org          string // UUID
	At           time.Time
	Action       string // a policy.Action, such as "secret.read"
	ActorKind    string // "user", "agent" or "anonymous"
	ActorID      string // UUID, or empty
	ResourceType string
	ResourceID   string
	IP           string
	Details      Details

	PrevID string // the event before this one in the chain; empty for the first
	Hash   Hash

	// With names the credential that the request came with, for what it makes. It is
	// not stored here.
	With string

	// CoalesceKey keeps events from being coalesced with those that have another. It is not
	// stored.
	CoalesceKey string

	// Told is what the caller is told that ended and stays, where Details has only what
	// was in the event's own organisation. It is not stored.
	Told struct{ Ended, Stays string }

	// Begins is the login that begins with the event, if one does: the store keeps
	// it in the transaction that stores the event. It is no part of the log.
	Begins *Login

	// Committed says that the event is in the log. The store sets it when the
	// transaction that holds the event has been committed.
	Committed bool
}

// Login is a session as it begins.
type Login struct {
	ID, User, Org string // UUIDs
	Kind          string
	Client        string // what the program calls itself
	Address       string
	With          string // of a device: the login that let it in
	At, Expires   time.Time
}

// Hash is a SHA-256 sum.
type Hash [sha256.Size]byte

// String is the hash in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MaxNamed is how many ids of a kind an event names.
const MaxNamed = 20

// Details is what an event says beyond its fixed columns. It is stored as JSON
// with the keys below, in this order, leaving out empty ones.
type Details struct {
	Outcome string // one of the outcomes above
	Reason  string // code of a refusal or failure, or of the rule that allowed
	Vault   string // UUID
	Path    string // a parsed secret path or path pattern
	Version uint64
	Status  int    // HTTP status, where the request came over HTTP
	Token   string // id (jti) of the token, or prefix-free id of the key used
	Count   uint64 // how many requests a coalesced event stands for
	// Approval is the id of the approval that was used for it.
	Approval string
	Ended    string // what ended with a credential: counts, then ids of keys and agents
	Stays    string // what came of what ended and stays: counts, then ids
	Target   string // a second thing that was touched, such as a grant's principal, or the account that somebody failed to sign in as
	// More is what the event's domain says beyond these, in this order.
	More []Field
}

// Field is one thing that a domain says about its events. Its key is a constant of
// lower-case letters, digits and underscores that no field of Details has.
type Field struct {
	key, text string
	number    uint64
}

// Text is a field with an identifier, a code or a path: never raw input. An empty one
// is left out.
func Text(key, value string) Field { return Field{key: key, text: value} }

// Number is a field with a number. Zero is left out.
func Number(key string, n uint64) Field { return Field{key: key, number: n} }

// AppendJSON appends d as JSON. Every field is an identifier, a code or a path,
// so nothing needs escaping; appendString still drops what would.
func (d *Details) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = appendField(b, "outcome", d.Outcome)
	b = appendField(b, "reason", d.Reason)
	b = appendField(b, "vault_id", d.Vault)
	b = appendField(b, "path", d.Path)
	b = appendNumber(b, "version", d.Version)
	b = appendNumber(b, "status", uint64(max(d.Status, 0)))
	b = appendField(b, "token_id", d.Token)
	b = appendNumber(b, "count", d.Count)
	b = appendField(b, "approval_id", d.Approval)
	b = appendField(b, "target", d.Target)
	b = appendField(b, "ended", d.Ended)
	b = appendField(b, "stays", d.Stays)
	for _, f := range d.More {
		b = appendNumber(appendField(b, f.key, f.text), f.key, f.number)
	}
	return append(b, '}')
}

func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, key...)
	return append(b, '"', ':')
}

func appendField(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	b = append(appendKey(b, key), '"')
	for i := range len(value) {
		if c := value[i]; c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			b = append(b, c)
		} else {
			b = append(b, '?')
		}
	}
	return append(b, '"')
}

func appendNumber(b []byte, key string, n uint64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendUint(appendKey(b, key), n, 10)
}

// Head is the end of a chain: the last event's position, id and hash. The zero
// Head is an empty chain.
type Head struct {
	Seq  uint64
	ID   string
	Hash Hash
}

// Row is an event as stored: Details is the exact text that was hashed.
type Row struct {
	Event
	DetailsJSON []byte
}

// Link gives e its place after prev: it sets Seq, PrevID and Hash, and returns
// the stored form and the new head. e.At is cut to microseconds, the precision
// of the log.
func Link(prev Head, e *Event) (Row, Head) {
	e.Seq, e.PrevID = prev.Seq+1, prev.ID
	e.At = stamp.Of(e.At)
	r := Row{Event: *e, DetailsJSON: e.Details.AppendJSON(make([]byte, 0, 160))}
	r.Hash = r.sum(prev)
	e.Hash = r.Hash
	return r, Head{Seq: r.Seq, ID: r.ID, Hash: r.Hash}
}

// sum is SHA-256 over a format prefix, the previous hash and id, and every
// field of the event, each with its length: ("a","bc") is not ("ab","c").
func (r *Row) sum(prev Head) Hash {
	var stack [1024]byte
	b := append(stack[:0], "oneclaw/audit/v1"...)
	b = append(b, prev.Hash[:]...)
	b = appendPart(b, prev.ID)
	b = binary.BigEndian.AppendUint64(b, r.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixMicro()))
	for _, s := range [...]string{r.ID, r.Org, r.Action, r.ActorKind, r.ActorID, r.ResourceType, r.ResourceID, r.IP} {
		b = appendPart(b, s)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.DetailsJSON)))
	b = append(b, r.DetailsJSON...)
	return sha256.Sum256(b)
}

func appendPart(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}
