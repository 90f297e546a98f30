package audit_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

var moment = time.Date(2026, 3, 4, 5, 6, 7, 890_123_456, time.UTC)

func fixedEvent() *audit.Event {
	return &audit.Event{
		ID: "11111111-1111-4111-8111-111111111111", Org: "22222222-2222-4222-8222-222222222222", At: moment,
		Action: "secret.read", ActorKind: "agent", ActorID: "33333333-3333-4333-8333-333333333333",
		ResourceType: "secret", ResourceID: "44444444-4444-4444-8444-444444444444", IP: "2001:db8::1",
		Details: audit.Details{Outcome: audit.Success, Reason: "policy:x", Path: "api-keys/one", Version: 3},
	}
}

// TestTheHashIsForEver: logs that exist must verify with every later version.
func TestTheHashIsForEver(t *testing.T) {
	first, second := fixedEvent(), fixedEvent()
	r, head := audit.Link(audit.Head{}, first)
	_, next := audit.Link(head, second)
	const details = `{"outcome":"success","reason":"policy:x","path":"api-keys/one","version":3}`
	if string(r.DetailsJSON) != details {
		t.Errorf("details %s", r.DetailsJSON)
	}
	for _, h := range []struct{ got, want string }{
		{head.Hash.String(), "d1596c08e0973b3ac56f5e760d3d67a7149e387fc02445d5ccaef5aa4766614e"},
		{next.Hash.String(), "4881a8415379ea518cd5e356c34a3b667df31129c8a94febe2ce053db63cef64"},
	} {
		if h.got != h.want {
			t.Errorf("hash %s, want %s", h.got, h.want)
		}
	}
	if first.Seq != 1 || second.Seq != 2 || first.PrevID != "" || second.PrevID != first.ID || !first.At.Equal(stamp.Of(moment)) {
		t.Errorf("linked %+v and %+v", first, second)
	}
}

// TestNoTwoEventsHashAlike: what moves from one field to its neighbour changes
// the hash, as every single field does.
func TestNoTwoEventsHashAlike(t *testing.T) {
	seen := map[audit.Hash]string{}
	for name, change := range map[string]func(*audit.Event){
		"as it is":        func(*audit.Event) {},
		"id":              func(e *audit.Event) { e.ID = "x" },
		"org":             func(e *audit.Event) { e.Org = "x" },
		"time":            func(e *audit.Event) { e.At = e.At.Add(time.Microsecond) },
		"action":          func(e *audit.Event) { e.Action = "x" },
		"actor kind":      func(e *audit.Event) { e.ActorKind = "x" },
		"actor":           func(e *audit.Event) { e.ActorID = "x" },
		"resource type":   func(e *audit.Event) { e.ResourceType = "x" },
		"resource":        func(e *audit.Event) { e.ResourceID = "x" },
		"ip":              func(e *audit.Event) { e.IP = "x" },
		"details":         func(e *audit.Event) { e.Details.Path = "x" },
		"empty details":   func(e *audit.Event) { e.Details = audit.Details{} },
		"a letter moves":  func(e *audit.Event) { e.Action, e.ActorKind = "secret.rea", "dagent" },
		"a letter back":   func(e *audit.Event) { e.ResourceType, e.ResourceID = "secret4", e.ResourceID[1:] },
		"a field empties": func(e *audit.Event) { e.ResourceType, e.ResourceID = "", e.ResourceType+e.ResourceID },
	} {
		e := fixedEvent()
		change(e)
		r, _ := audit.Link(audit.Head{}, e)
		if other, taken := seen[r.Hash]; taken {
			t.Errorf("%s hashes as %s", name, other)
		}
		seen[r.Hash] = name
	}
	e := fixedEvent()
	_, head := audit.Link(audit.Head{}, fixedEvent())
	for name, prev := range map[string]audit.Head{
		"another number": {Seq: 7}, "another event before it": {ID: "x"}, "another hash before it": {Hash: audit.Hash{1}}, "a real one": head,
	} {
		r, _ := audit.Link(prev, e)
		if other, taken := seen[r.Hash]; taken {
			t.Errorf("%s hashes as %s", name, other)
		}
		seen[r.Hash] = name
	}
}

func FuzzDetailsAreJSON(f *testing.F) {
	f.Add("success", "a\"b\\c\n\x00\xff\u2028", "\xed\xa0\x80", -1, uint64(1<<63))
	f.Fuzz(func(t *testing.T, a, b, c string, status int, n uint64) {
		d := audit.Details{Outcome: a, Reason: b, Path: c, Vault: a, Token: b, Target: c, Status: status, Version: n, Count: n}
		out := d.AppendJSON([]byte("x"))[1:]
		if !json.Valid(out) {
			t.Errorf("%q", out)
		}
		for _, ch := range out {
			if ch < 0x20 || ch > 0x7e {
				t.Errorf("%q holds %#x", out, ch)
			}
		}
	})
}

// signers keeps checkpoint keys in memory, and may be away.
type signers struct {
	keys map[string]ed25519.PrivateKey
	away bool
	err  error
}

func (s *signers) Signer(_ context.Context, id string) (crypto.Signer, error) {
	if s.err != nil {
		return nil, s.err
	}
	if s.away || s.keys[id] == nil {
		return nil, fault.New(fault.Unavailable, "keystore_unavailable", "")
	}
	return s.keys[id], nil
}

// fixture is a log over a real database.
type fixture struct {
	*audit.Log
	db   *store.DB
	keys *signers
	org  string
	now  time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Dir: ready.Dir(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{db: db, keys: &signers{keys: map[string]ed25519.PrivateKey{}}, org: ids.New(), now: moment}
	for _, id := range []string{"audit:1", "audit:2"} {
		if _, f.keys.keys[id], err = ed25519.GenerateKey(nil); err != nil {
			t.Fatal(err)
		}
	}
	f.Log = &audit.Log{
		Store: db, Keys: f.keys, KeyIDs: []string{"audit:1"}, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return f.now },
	}
	return f
}

func (f *fixture) append(t *testing.T, n int) {
	t.Helper()
	for range n {
		e := fixedEvent()
		e.ID, e.Org = ids.New(), f.org
		if err := f.db.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *fixture) sign(t *testing.T, events uint64) {
	t.Helper()
	if err := f.Checkpoint(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// Who can write to the database rewrites the whole chain, removes the
// checkpoints, and waits for the next signature.
func TestARewrittenChainIsNotSigned(t *testing.T) {
	f := newFixture(t)
	f.append(t, 5)
	f.sign(t, 1)
	f.append(t, 2)
	rewritten := &rewriting{Store: f.db}
	l := &audit.Log{Store: f.db, Keys: f.Log.Keys, KeyIDs: f.KeyIDs, Now: f.Log.Now, Log: f.Log.Log}
	if err := l.Checkpoint(t.Context(), 1); err != nil { // remembers event 7
		t.Fatal(err)
	}
	f.append(t, 3)
	l.Store = rewritten
	if err := l.Checkpoint(t.Context(), 1); fault.CodeOf(err) != "audit_chain_changed" {
		t.Errorf("a rewritten chain: %v", err)
	}
	if rewritten.signed != 0 {
		t.Errorf("%d checkpoints of a rewritten chain", rewritten.signed)
	}
	l.Store = f.db
	if err := l.Checkpoint(t.Context(), 1); err != nil {
		t.Errorf("the chain as it was: %v", err)
	}

	// The same after a restart, when all that is left is the anchor.
	kept := &memory{}
	l = &audit.Log{Store: f.db, Keys: f.Log.Keys, KeyIDs: f.KeyIDs, Now: f.Log.Now, Log: f.Log.Log, Anchor: kept}
	f.append(t, 1)
	if err := l.Checkpoint(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	f.append(t, 1)
	l = &audit.Log{Store: rewritten, Keys: f.Log.Keys, KeyIDs: f.KeyIDs, Now: f.Log.Now, Log: f.Log.Log, Anchor: kept}
	if err := l.Checkpoint(t.Context(), 1); fault.CodeOf(err) != "audit_chain_changed" {
		t.Errorf("a rewritten chain after a restart: %v", err)
	}
}

// A log that the signer would not go on with is not whole for who asks, either.
func TestVerifyLooksAtWhatThisServerSigned(t *testing.T) {
	f := newFixture(t)
	f.append(t, 5)
	f.sign(t, 1)
	verified := func(kept *memory) audit.Report {
		t.Helper()
		l := &audit.Log{Store: f.db, Keys: f.keys, KeyIDs: f.KeyIDs, Now: f.Log.Now, Log: f.Log.Log, Anchor: kept}
		r, err := l.Verify(t.Context(), f.org, audit.Recent)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	head, err := f.db.Head(t.Context(), f.org)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(h audit.Head) *memory { return &memory{heads: map[string]audit.Head{f.org: h}} }
	for _, kept := range []*memory{{}, signed(head)} {
		if r := verified(kept); !r.OK {
			t.Errorf("the log as it was: %+v", r)
		}
	}
	for name, h := range map[string]audit.Head{
		"longer": {Seq: head.Seq + 3, Hash: audit.Hash{1}}, "another": {Seq: head.Seq, Hash: audit.Hash{1}},
	} {
		if r := verified(signed(h)); r.OK || r.BadSeq != h.Seq || !strings.Contains(r.Problem, "this server signed") {
			t.Errorf("what was signed was %s: %+v", name, r)
		}
	}
	if r := verified(&memory{err: errors.New("damaged")}); r.OK || !strings.Contains(r.Problem, "audit-signed.json") {
		t.Errorf("what was signed can't be read: %+v", r)
	}
}

func TestASigningKeyThatDoesNotOpenIsNamed(t *testing.T) {
	f := newFixture(t)
	f.append(t, 1)
	for name, cause := range map[string]error{
		"damaged": fault.New(fault.Internal, "key_unusable", ""), "gone": fault.New(fault.NotFound, "key_not_found", ""), "none": nil,
	} {
		f.keys.err = cause
		if cause == nil {
			f.Newest = func(context.Context) ([]string, error) { return nil, nil }
		}
		_, err := f.Verify(t.Context(), f.org, audit.Recent)
		_, err2 := f.PublicKeys(t.Context())
		for _, err := range []error{err, err2, f.Checkpoint(t.Context(), 1)} {
			if fault.CodeOf(err) != audit.CodeKeyUnusable || !fault.Is(err, fault.Damaged) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// memory is an anchor without a file.
type memory struct {
	heads map[string]audit.Head
	err   error
}

func (m *memory) Load() (map[string]audit.Head, error) { return maps.Clone(m.heads), m.err }

func (m *memory) Save(signed map[string]audit.Head) error {
	m.heads = maps.Clone(signed)
	return nil
}

// rewriting is a store whose events all have other hashes than before.
type rewriting struct {
	audit.Store
	signed int
}

func (r *rewriting) Walk(ctx context.Context, org string, after uint64, fn func(*audit.Row) bool) error {
	return r.Store.Walk(ctx, org, after, func(row *audit.Row) bool {
		row.Hash[0] ^= 1
		return fn(row)
	})
}

func (r *rewriting) Event(ctx context.Context, org string, seq uint64) (*audit.Row, bool, error) {
	row, found, err := r.Store.Event(ctx, org, seq)
	if found {
		row.Hash[0] ^= 1
	}
	return row, found, err
}

func (r *rewriting) AddCheckpoint(ctx context.Context, c audit.Checkpoint) error {
	r.signed++
	return r.Store.AddCheckpoint(ctx, c)
}

func TestCheckpointsAreSignedWhenTheyAreDueAndAfterAKeyChange(t *testing.T) {
	f := newFixture(t)
	count := func() int {
		points, err := f.db.Checkpoints(t.Context(), f.org, 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(points)
	}
	f.sign(t, 1000)
	if n := count(); n != 0 {
		t.Errorf("an empty chain has %d checkpoints", n)
	}
	f.append(t, 3)
	f.sign(t, 1000) // never signed before: due at once
	f.append(t, 1)
	f.sign(t, 1000) // signed this minute
	if n := count(); n != 1 {
		t.Errorf("%d checkpoints, want 1", n)
	}
	f.now = f.now.Add(time.Minute + time.Microsecond)
	f.KeyIDs = []string{"audit:1", "audit:2"}
	f.sign(t, 1000)
	f.sign(t, 1) // nothing new
	if n := count(); n != 2 {
		t.Errorf("%d checkpoints, want 2", n)
	}
	r, err := f.Verify(t.Context(), f.org, audit.Whole)
	if err != nil || !r.OK || r.Events != 4 || r.Checkpoints != 2 || r.Signed != 4 {
		t.Errorf("%+v, %v", r, err)
	}
	f.KeyIDs = []string{"audit:2"} // a key that was dropped confirms nothing
	if r, err = f.Verify(t.Context(), f.org, audit.Whole); err != nil || r.OK || r.BadSeq != 3 {
		t.Errorf("with one key: %+v, %v", r, err)
	}
}

func TestAnOutageIsNoDamage(t *testing.T) {
	f := newFixture(t)
	f.append(t, 3)
	f.keys.away = true
	if _, err := f.Verify(t.Context(), f.org, audit.Whole); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without the keystore: %v", err)
	}
	if err := f.Checkpoint(t.Context(), 1); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a checkpoint without the keystore: %v", err)
	}
	f.keys.away = false
	for call := 1; call <= 5; call++ { // whichever question the database does not answer
		l := &audit.Log{Keys: f.Log.Keys, KeyIDs: f.KeyIDs, Now: f.Log.Now, Log: f.Log.Log}
		l.Store = &failing{Store: f.db, after: call, err: fault.New(fault.Unavailable, "storage_unavailable", "")}
		if r, err := l.Verify(t.Context(), f.org, audit.Recent); !fault.Is(err, fault.Unavailable) {
			t.Errorf("the database is away at call %d: %+v, %v", call, r, err)
		}
		l.Store = &failing{Store: f.db, after: call, err: fault.New(fault.Internal, audit.CodeDamaged, "")}
		if r, err := l.Verify(t.Context(), f.org, audit.Recent); err != nil || r.OK || r.Problem == "" {
			t.Errorf("the database is damaged from call %d on: %+v, %v", call, r, err)
		}
	}
}

// failing is a store whose nth answer, and all that follow, is an error.
type failing struct {
	audit.Store
	after int
	err   error
}

func (s *failing) fail() error {
	if s.after--; s.after <= 0 {
		return s.err
	}
	return nil
}

func (s *failing) Checkpoints(ctx context.Context, org string, after uint64) ([]audit.Checkpoint, error) {
	if err := s.fail(); err != nil {
		return nil, err
	}
	return s.Store.Checkpoints(ctx, org, after)
}

func (s *failing) Head(ctx context.Context, org string) (audit.Head, error) {
	if err := s.fail(); err != nil {
		return audit.Head{}, err
	}
	return s.Store.Head(ctx, org)
}

func (s *failing) Walk(ctx context.Context, org string, after uint64, fn func(*audit.Row) bool) error {
	if err := s.fail(); err != nil {
		return err
	}
	return s.Store.Walk(ctx, org, after, fn)
}

func (s *failing) Newest(ctx context.Context, org string) (*audit.Row, bool, error) {
	if err := s.fail(); err != nil {
		return nil, false, err
	}
	return s.Store.Newest(ctx, org)
}

// export returns the log as lines, the first of them the header.
func (f *fixture) export(t *testing.T) []string {
	t.Helper()
	var lines []string
	if err := f.Export(t.Context(), f.org, func(line any) error {
		b, err := json.Marshal(line)
		lines = append(lines, string(b))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestAnExportVerifiesWithThePublicKeyAlone(t *testing.T) {
	f := newFixture(t)
	f.append(t, 10)
	f.sign(t, 1)
	f.append(t, 10)
	lines := f.export(t) // header, two checkpoints, twenty events
	keys, err := f.PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check := func(lines []string) (audit.Report, error) {
		return audit.VerifyExport(strings.NewReader(strings.Join(lines, "\n")), keys)
	}
	if r, err := check(lines); err != nil || !r.OK || r.Events != 20 || r.Checkpoints != 2 || r.Signed != 20 {
		t.Fatalf("the export: %+v, %v", r, err)
	}
	if r, err := audit.VerifyExport(strings.NewReader(strings.Join(lines, "\n")), nil); err != nil || r.OK || keys[r.UnknownKey] == nil {
		t.Errorf("a key that was not given is not named: %+v, %v", r, err)
	}
	const header = 3
	edit := func(i int, old, with string) []string {
		out := append([]string(nil), lines...)
		if out[i] = strings.Replace(out[i], old, with, 1); out[i] == lines[i] {
			t.Fatalf("%s is not in line %s", old, lines[i])
		}
		return out
	}
	without := func(i int) []string { return append(append([]string(nil), lines[:i]...), lines[i+1:]...) }
	for name, tc := range map[string]struct {
		lines []string
		seq   uint64
	}{
		"an event is altered":              {edit(header+6, "secret.read", "secret.list"), 7},
		"an event's details are altered":   {edit(header+6, "api-keys/one", "api-keys/two"), 7},
		"an event is left out":             {without(header + 6), 7},
		"the last event is left out":       {lines[:len(lines)-1], 20},
		"half of it is left out":           {lines[:header+10], 11},
		"all events are left out":          {lines[:header], 1},
		"an event is there twice":          {append(append([]string(nil), lines[:header+7]...), lines[header+6:]...), 7},
		"a checkpoint is altered":          {edit(1, `"at":`, `"at":1`), 10},
		"an event is of another's log":     {edit(header+6, f.org, ids.New()), 7},
		"the header is of another's log":   {edit(0, f.org, ids.New()), 1},
		"the header counts fewer events":   {edit(0, `"seq":20`, `"seq":19`), 20},
		"the header counts more events":    {edit(0, `"seq":20`, `"seq":21`), 21},
		"the header counts no events":      {edit(0, `"seq":20,`, ``), 1},
		"it was made up without a key":     {forged(t, f.org, 20), 1},
		"its checkpoints are left out":     {append(append([]string(nil), lines[0]), lines[header:]...), 1},
		"its last checkpoint is left out":  {without(2), 11},
		"the header has another last hash": {edit(0, `"hash":"`, `"hash":"00`), 0},
	} {
		r, err := check(tc.lines)
		if tc.seq == 0 {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %+v, %v, want it refused", name, r, err)
			}
			continue
		}
		if err != nil || r.OK || r.BadSeq != tc.seq {
			t.Errorf("%s: %+v, %v, want event %d", name, r, err, tc.seq)
		}
	}
	for name, text := range map[string]string{
		"nothing":              "",
		"no header":            strings.Join(lines[1:], "\n"),
		"two headers":          lines[0] + "\n" + lines[0],
		"not JSON":             lines[0] + "\n{",
		"another kind of line": lines[0] + "\n" + `{"kind":"note","hash":"` + strings.Repeat("0", 64) + `"}`,
		"a name twice":         strings.Replace(strings.Join(lines, "\n"), `{"kind":"event"`, `{"kind":"event","action":"x"`, 1),
		"an unknown name":      strings.Replace(strings.Join(lines, "\n"), `{"kind":"event"`, `{"kind":"event","note":"x"`, 1),
		"a line without end":   lines[0] + "\n" + strings.Repeat("x", 2<<20),
		"no hash":              `{"kind":"log"}`,
	} {
		if r, err := audit.VerifyExport(strings.NewReader(text), keys); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if r, err := audit.VerifyExport(strings.NewReader(strings.Join(lines, "\n")), nil); err != nil || r.OK {
		t.Errorf("without a key: %+v, %v", r, err)
	}
}

// forged is a chain of events that fits, as anybody can make it.
func forged(t *testing.T, org string, events int) (lines []string) {
	t.Helper()
	var head audit.Head
	for n := range events {
		e := &audit.Event{ID: ids.New(), Org: org, At: time.UnixMicro(int64(n)), Action: "secret.list"}
		var r audit.Row
		r, head = audit.Link(head, e)
		b, err := json.Marshal(audit.Line{
			Kind: "event", Org: org, Seq: r.Seq, Hash: r.Hash.String(), At: int64(n), ID: r.ID, Action: r.Action, Details: string(r.DetailsJSON),
		})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	b, err := json.Marshal(audit.Line{Kind: "log", Org: org, Seq: head.Seq, Hash: head.Hash.String()})
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{string(b)}, lines...)
}

func TestAnExportStopsWhenItsReaderIsGone(t *testing.T) {
	f := newFixture(t)
	f.append(t, 5)
	gone := errors.New("gone")
	n := 0
	err := f.Export(t.Context(), f.org, func(any) error {
		if n++; n == 4 {
			return gone
		}
		return nil
	})
	if !errors.Is(err, gone) || n != 4 {
		t.Errorf("%v after %d lines", err, n)
	}
}

func FuzzVerifyExport(f *testing.F) {
	f.Add([]byte(`{"kind":"log","org_id":"o","hash":"` + strings.Repeat("0", 64) + `"}` + "\n" +
		`{"kind":"event","org_id":"o","seq":1,"hash":"` + strings.Repeat("0", 64) + `"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := audit.VerifyExport(bytes.NewReader(in), nil)
		if err == nil && r.OK && (r.Events > 0 && len(in) < 100 || r.Checkpoints > 0) {
			t.Errorf("%+v", r)
		}
	})
}

// sink is a log that may be broken.
type sink struct {
	events []audit.Event
	broken bool
}

func (s *sink) Append(_ context.Context, ev *audit.Event) error {
	if s.broken {
		return fault.New(fault.Unavailable, "storage_unavailable", "")
	}
	ev.Committed = true
	s.events = append(s.events, *ev)
	return nil
}

func TestAFloodIsCounted(t *testing.T) {
	now := moment
	log := &sink{}
	c := audit.NewCoalescer(log, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	refused := func(ip string) *audit.Event {
		return &audit.Event{ID: ids.New(), Org: audit.SystemOrg, At: now, Action: "auth.failure", IP: ip, Details: audit.Details{Reason: "unauthenticated"}}
	}
	flood := func(ip string, n int) {
		t.Helper()
		for range n {
			ev := refused(ip)
			if err := c.Append(t.Context(), ev); err != nil || !ev.Committed {
				t.Fatalf("%v, committed %v", err, ev.Committed)
			}
		}
	}
	flood("192.0.2.1", 1000)
	flood("192.0.2.2", 1)
	known := refused("192.0.2.1")
	known.ActorID = ids.New()
	if err := c.Append(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	if len(log.events) != 3 { // the first of each address, and the known caller's
		t.Errorf("%d events, want 3", len(log.events))
	}
	log.broken = true
	if err := c.Append(t.Context(), refused("192.0.2.3")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a first event that could not be written: %v", err)
	}
	now = now.Add(time.Minute)
	c.Flush(t.Context(), now) // fails: the count must outlive it
	log.broken = false
	if err := c.Append(t.Context(), refused("192.0.2.3")); err != nil || len(log.events) != 4 {
		t.Errorf("the next of its kind: %v, %d events, want it in the log", err, len(log.events))
	}
	c.Flush(t.Context(), now)
	c.Flush(t.Context(), now)
	counts := map[uint64]int{}
	for _, e := range log.events {
		counts[e.Details.Count]++
	}
	if fmt.Sprint(counts) != "map[0:4 999:1]" {
		t.Errorf("counts %v", counts)
	}
	for i := range 10_000 { // many addresses do not make many events or much memory
		flood(fmt.Sprintf("2001:db8:%x:%x::1", i>>8, i&0xff), 1)
	}
	if len(log.events) > 5+4100 {
		t.Errorf("%d events", len(log.events))
	}
	total := len(log.events)
	now = now.Add(time.Minute)
	c.Flush(t.Context(), now)
	if last := log.events[len(log.events)-1]; len(log.events) != total+1 || last.Details.Count < 5800 || last.IP != "" {
		t.Errorf("%d more events, the last is %+v", len(log.events)-total, last)
	}
}

func TestRunSignsOnceMoreAtTheEnd(t *testing.T) {
	f := newFixture(t)
	f.append(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.Run(ctx)
	if r, err := f.Verify(t.Context(), f.org, audit.Whole); err != nil || !r.OK || r.Signed != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}
