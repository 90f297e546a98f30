package audit

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"time"
)

// Checkpoint is a signed statement that a chain had a given head. It is made
// with a key that lives in the keystore, so that who can write to the database
// can not rebuild a chain that verifies.
type Checkpoint struct {
	Org       string
	Seq       uint64
	Hash      Hash
	At        time.Time
	KeyID     string
	Signature []byte
}

// Message is what the checkpoint's signature covers.
func (c *Checkpoint) Message() []byte {
	b := append(make([]byte, 0, 160), "oneclaw/audit-checkpoint/v1"...)
	b = appendPart(b, c.Org)
	b = appendPart(b, c.KeyID)
	b = binary.BigEndian.AppendUint64(b, c.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(c.At.UnixMicro()))
	return append(b, c.Hash[:]...)
}

// Report is what a verification found.
type Report struct {
	Org         string
	Events      uint64 // how many fitted
	From        uint64 // the first that was checked now: those before it fitted earlier
	Checkpoints uint64 // how many of them were confirmed by a signature
	OK          bool
	// Signed is the last event that a signature confirms. Who can write to the
	// database can drop the checkpoints after it with the events that they cover.
	Signed uint64
	// The first event that does not fit. BadID is empty when that event is
	// missing altogether; BadSeq is 0 when damage can't be put down to one.
	BadSeq  uint64
	BadID   string
	Problem string
	// UnknownKey is the key that a checkpoint at BadSeq names, when it is not among the
	// known ones: the log's key was rotated, or somebody made the checkpoint up.
	UnknownKey string
}

// Verifier checks one organisation's chain, fed in order of Seq. Give it the
// checkpoints first.
type Verifier struct {
	org    string
	keys   map[string]ed25519.PublicKey
	points map[uint64]Checkpoint
	top    Checkpoint
	head   Head
	known  Head // fitted earlier
	signed Head // the last that a signature confirms
	report Report
	failed bool
}

// NewVerifier returns a Verifier for org's chain, with the public keys of
// checkpoints by key id.
func NewVerifier(org string, keys map[string]ed25519.PublicKey) *Verifier {
	return &Verifier{org: org, keys: keys, points: map[uint64]Checkpoint{}, report: Report{Org: org, From: 1}}
}

// verified is the last signed event of a chain that was found whole, and how many
// checkpoints there were up to it.
type verified struct {
	Head
	points uint64
}

// resume goes on after what was found whole earlier, instead of at the start.
func (v *Verifier) resume(at verified) {
	v.head, v.known, v.signed = at.Head, at.Head, at.Head
	v.report.Events, v.report.From, v.report.Checkpoints, v.report.Signed = at.Seq, at.Seq+1, at.points, at.Seq
}

// Checkpoint adds a checkpoint. One whose signature is bad is itself a finding.
func (v *Verifier) Checkpoint(c Checkpoint) {
	key, known := v.keys[c.KeyID]
	if c.Org != v.org || !known || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, c.Message(), c.Signature) {
		v.fail(c.Seq, "", fmt.Sprintf("the checkpoint at event %d is not signed by a known key", c.Seq))
		if !known && v.report.BadSeq == c.Seq {
			v.report.UnknownKey = c.KeyID
		}
		return
	}
	v.points[c.Seq] = c
	if c.Seq > v.top.Seq {
		v.top = c
	}
}

// Event checks the next event. It returns false once the chain is known to be
// broken: feeding more is of no use.
func (v *Verifier) Event(r *Row) bool {
	if v.failed && r.Seq >= v.report.BadSeq {
		return false
	}
	want := v.head.Seq + 1
	switch {
	case r.Org != v.org:
		return v.fail(want, r.ID, fmt.Sprintf("event %d belongs to another organisation", want))
	case r.Seq > want:
		return v.fail(want, "", fmt.Sprintf("event %d is missing: the next one is %d", want, r.Seq))
	case r.Seq < want:
		return v.fail(r.Seq, r.ID, fmt.Sprintf("event %d is there twice or out of order", r.Seq))
	case r.sum(v.head) != r.Hash:
		return v.fail(r.Seq, r.ID, fmt.Sprintf("event %d was altered: its hash does not fit", r.Seq))
	}
	if c, ok := v.points[r.Seq]; ok {
		if c.Hash != r.Hash {
			return v.fail(r.Seq, r.ID, fmt.Sprintf("event %d differs from its signed checkpoint", r.Seq))
		}
		v.report.Checkpoints++
		v.report.Signed = r.Seq
		v.signed = Head{Seq: r.Seq, ID: r.ID, Hash: r.Hash}
	}
	if r.Seq == v.known.Seq && r.Hash != v.known.Hash {
		return v.fail(r.Seq, r.ID, fmt.Sprintf("event %d is not the one that was there at an earlier check", r.Seq))
	}
	v.head = Head{Seq: r.Seq, ID: r.ID, Hash: r.Hash}
	v.report.Events++
	return true
}

// Unreadable says that the event after the last one fed could not be read.
func (v *Verifier) Unreadable() {
	v.fail(v.head.Seq+1, "", fmt.Sprintf("event %d can not be read: the database is damaged", v.head.Seq+1))
}

// Damaged says that the store is damaged somewhere, when all that could be read
// fits: then no event can be named.
func (v *Verifier) Damaged() {
	if !v.failed {
		v.fail(0, "", "the database is damaged, although every event that could be read fits")
	}
}

// Head is the last event that fitted.
func (v *Verifier) Head() Head { return v.head }

// Finish closes the check. recorded is the head that the database or the export
// keeps. Events cut off at the end show against it or against the last checkpoint.
func (v *Verifier) Finish(recorded Head) Report {
	missing := v.head.Seq + 1
	switch {
	case v.failed:
	case v.top.Seq > v.head.Seq:
		v.fail(missing, "", fmt.Sprintf("event %d is missing: a checkpoint covers %d events", missing, v.top.Seq))
	case v.known.Seq > v.head.Seq:
		v.fail(missing, "", fmt.Sprintf("event %d is missing: there were %d events at an earlier check", missing, v.known.Seq))
	case recorded.Seq > v.head.Seq:
		v.fail(missing, "", fmt.Sprintf("event %d is missing: the log has %d events", missing, recorded.Seq))
	case recorded.Seq == v.head.Seq && recorded.Seq > 0 && recorded.Hash != v.head.Hash:
		v.fail(v.head.Seq, v.head.ID, fmt.Sprintf("event %d differs from the recorded head", v.head.Seq))
	case recorded.Seq < v.head.Seq:
		v.fail(recorded.Seq+1, "", fmt.Sprintf("event %d was inserted: the log has %d events", recorded.Seq+1, recorded.Seq))
	}
	v.report.OK = !v.failed
	return v.report
}

func (v *Verifier) fail(seq uint64, id, problem string) bool {
	if !v.failed || seq < v.report.BadSeq {
		v.failed = true
		v.report.BadSeq, v.report.BadID, v.report.Problem, v.report.UnknownKey = seq, id, problem, ""
	}
	return false
}
