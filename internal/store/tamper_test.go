package store_test

import (
	"crypto/ed25519"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// rehash writes events from the given one on again, each fitting the one before,
// as somebody would who can do everything with the database but has no key.
func rehash(t *testing.T, db *store.DB, org string, from uint64, change func(*audit.Row)) {
	t.Helper()
	var head audit.Head
	for _, r := range dbkit.Chain(t, db, org) {
		if r.Seq >= from {
			change(r)
			e := r.Event
			r2, next := audit.Link(head, &e)
			// Link writes the details of an Event; a stored row has only their text.
			if string(r2.DetailsJSON) != string(r.DetailsJSON) {
				e.Details = audit.Details{}
				r2, next = audit.Link(head, &e)
			}
			dbkit.Exec(t, db, `UPDATE audit_events SET action = $3, details = $4, hash = $5 WHERE org_id = $1 AND seq = $2`,
				org, int64(r2.Seq), r2.Action, string(r2.DetailsJSON), r2.Hash[:])
			head = next
			continue
		}
		head = audit.Head{Seq: r.Seq, ID: r.ID, Hash: r.Hash}
	}
	dbkit.Exec(t, db, `UPDATE audit_heads SET hash = $2 WHERE org_id = $1`, org, head.Hash[:])
}

// TestVerifyNamesTheFirstBadEvent alters a log of 40 events, of which 15 and 30
// are signed.
func TestVerifyNamesTheFirstBadEvent(t *testing.T) {
	type tamper struct {
		do      func(t *testing.T, db *store.DB, org string)
		seq     uint64 // the first bad event
		missing bool   // it is not there, so it has no id
		problem string
	}
	sql := func(query string) func(*testing.T, *store.DB, string) {
		return func(t *testing.T, db *store.DB, org string) { dbkit.Exec(t, db, query, org) }
	}
	cases := map[string]tamper{
		"an event in the middle is deleted": {sql(`DELETE FROM audit_events WHERE org_id = $1 AND seq = 20`), 20, true, "missing"},
		"the first event is deleted":        {sql(`DELETE FROM audit_events WHERE org_id = $1 AND seq = 1`), 1, true, "missing"},
		"the last event is deleted":         {sql(`DELETE FROM audit_events WHERE org_id = $1 AND seq = 40`), 40, true, "missing"},
		"the tail is cut off":               {sql(`DELETE FROM audit_events WHERE org_id = $1 AND seq > 34`), 35, true, "missing"},
		"everything is deleted":             {sql(`DELETE FROM audit_events WHERE org_id = $1`), 1, true, "missing"},
		"the events and the head are deleted": {func(t *testing.T, db *store.DB, org string) {
			sql(`DELETE FROM audit_events WHERE org_id = $1`)(t, db, org)
			sql(`DELETE FROM audit_heads WHERE org_id = $1`)(t, db, org)
		}, 1, true, "missing"},
		"the head alone is deleted":           {sql(`DELETE FROM audit_heads WHERE org_id = $1`), 1, false, ""},
		"an event is inserted at the end":     {insertAtEnd, 41, false, "inserted"},
		"two events are swapped":              {swap, 12, false, "altered"},
		"an event is moved to the end":        {sql(`UPDATE audit_events SET seq = 41 WHERE org_id = $1 AND seq = 7`), 7, true, "missing"},
		"the head's hash is altered":          {sql(`UPDATE audit_heads SET hash = (SELECT hash FROM audit_events WHERE org_id = $1 AND seq = 39) WHERE org_id = $1`), 40, false, "head"},
		"the head is set back":                {sql(`UPDATE audit_heads SET seq = 35 WHERE org_id = $1`), 36, false, "inserted"},
		"the head is set forth":               {sql(`UPDATE audit_heads SET seq = 50 WHERE org_id = $1`), 41, true, "missing"},
		"a checkpoint's hash is altered":      {sql(`UPDATE audit_checkpoints SET hash = (SELECT hash FROM audit_events WHERE org_id = $1 AND seq = 14) WHERE org_id = $1 AND seq = 15`), 15, true, "not signed"},
		"a checkpoint's time is altered":      {sql(`UPDATE audit_checkpoints SET at = at + 1 WHERE org_id = $1 AND seq = 15`), 15, true, "not signed"},
		"a checkpoint's signature is altered": {sql(`UPDATE audit_checkpoints SET signature = hash WHERE org_id = $1 AND seq = 30`), 30, true, "not signed"},
		"a checkpoint's key is altered":       {sql(`UPDATE audit_checkpoints SET key_id = 'audit:0' WHERE org_id = $1 AND seq = 30`), 30, true, "not signed"},
		"a checkpoint is moved to another":    {sql(`UPDATE audit_checkpoints SET seq = 31 WHERE org_id = $1 AND seq = 30`), 31, true, "not signed"},
		"an event and a checkpoint are bad": {func(t *testing.T, db *store.DB, org string) {
			sql(`UPDATE audit_events SET ip = '' WHERE org_id = $1 AND seq = 9`)(t, db, org)
			sql(`UPDATE audit_checkpoints SET at = 0 WHERE org_id = $1 AND seq = 15`)(t, db, org)
		}, 9, false, "altered"},
		"a checkpoint before an event is bad": {func(t *testing.T, db *store.DB, org string) {
			sql(`UPDATE audit_events SET ip = '' WHERE org_id = $1 AND seq = 19`)(t, db, org)
			sql(`UPDATE audit_checkpoints SET at = 0 WHERE org_id = $1 AND seq = 15`)(t, db, org)
		}, 15, true, "not signed"},
		"the tail and the head are cut off": {func(t *testing.T, db *store.DB, org string) { truncateTo(t, db, org, 25) }, 26, true, "checkpoint"},
		"the whole chain is hashed again": {func(t *testing.T, db *store.DB, org string) {
			rehash(t, db, org, 1, func(r *audit.Row) { r.Action = "secret.list" })
		}, 15, false, "checkpoint"},
		"the chain is hashed again from 20 on": {func(t *testing.T, db *store.DB, org string) {
			rehash(t, db, org, 20, func(r *audit.Row) { r.Action = "secret.list" })
		}, 30, false, "checkpoint"},
	}
	for column, value := range map[string]string{
		"id": `'x'`, "at": `at + 1`, "action": `'secret.list'`, "actor_kind": `'user'`, "actor_id": `actor_id || '0'`, "resource_type": `'vault'`,
		"resource_id": `''`, "ip": `'192.0.2.2'`, "details": `'{}'`, "hash": `(SELECT hash FROM audit_events WHERE org_id = $1 AND seq = 1)`,
		"org_id": `'00000000-0000-0000-0000-00000000000f'`,
	} {
		cases["the column "+column+" is altered"] = tamper{
			sql(`UPDATE audit_events SET ` + column + ` = ` + value + ` WHERE org_id = $1 AND seq = 22`), 22, column == "org_id", ""}
	}
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		log := dbkit.NewLog(t, db)
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				org := dbkit.NewOrg()
				sign := func() {
					// One that remembers nothing: it is to sign what earlier cases altered too.
					fresh := &audit.Log{Store: db, Keys: log.Keys, KeyIDs: log.KeyIDs, Now: log.Now, Log: log.Log}
					if err := fresh.Checkpoint(t.Context(), 1); err != nil {
						t.Fatal(err)
					}
				}
				// One that found the first 15 whole, and goes on from there.
				recent := &audit.Log{Store: db, Keys: log.Keys, KeyIDs: log.KeyIDs, Now: log.Now, Log: log.Log}
				dbkit.AppendEvents(t, db, org, 15)
				sign()
				if r, err := recent.Verify(t.Context(), org, audit.Recent); err != nil || !r.OK || r.From != 1 {
					t.Fatalf("the first 15: %+v, %v", r, err)
				}
				dbkit.AppendEvents(t, db, org, 15)
				sign()
				dbkit.AppendEvents(t, db, org, 10)
				if r := dbkit.Verify(t, log, org); !r.OK || r.Events != 40 || r.Checkpoints != 2 || r.Signed != 30 {
					t.Fatalf("the log before: %+v", r)
				}
				id := ""
				if all := dbkit.Chain(t, db, org); tc.seq <= 40 && !tc.missing {
					id = all[tc.seq-1].ID
				}
				tc.do(t, db, org)
				r := dbkit.Verify(t, log, org)
				if r.OK || r.BadSeq != tc.seq || !strings.Contains(r.Problem, tc.problem) {
					t.Errorf("got %+v, want event %d, %q", r, tc.seq, tc.problem)
				}
				fresh := &audit.Log{Store: db, Keys: log.Keys, KeyIDs: log.KeyIDs, Now: log.Now, Log: log.Log}
				if first, err := fresh.Verify(t.Context(), org, audit.Recent); err != nil || first != r {
					t.Errorf("the first check of a server: %+v, %v, want %+v", first, err, r)
				}
				late, err := recent.Verify(t.Context(), org, audit.Recent)
				if tc.seq > 15 && (err != nil || late.OK || late.BadSeq != r.BadSeq || late.Problem != r.Problem || late.From != 16) {
					t.Errorf("a check from event 16 on: %+v, %v, want %+v", late, err, r)
				}
				if tc.missing && r.BadID != "" || id != "" && r.BadID == "" {
					t.Errorf("the first bad event has the id %q", r.BadID)
				}
				if strings.HasPrefix(name, "the column org_id") {
					dbkit.Exec(t, db, `DELETE FROM audit_events WHERE org_id = '00000000-0000-0000-0000-00000000000f'`)
				}
			})
		}
	})
}

func insertAtEnd(t *testing.T, db *store.DB, org string) {
	e := dbkit.Event(org)
	head, err := db.Head(t.Context(), org)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := audit.Link(head, e)
	dbkit.Exec(t, db, `INSERT INTO audit_events (org_id, seq, id, at, action, actor_kind, actor_id, resource_type, resource_id, ip, details, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, r.Org, int64(r.Seq), r.ID, r.At.UnixMicro(), r.Action, r.ActorKind, r.ActorID,
		r.ResourceType, r.ResourceID, r.IP, string(r.DetailsJSON), r.Hash[:])
}

func swap(t *testing.T, db *store.DB, org string) {
	for _, step := range [][2]int{{12, 1000}, {13, 12}, {1000, 13}} {
		dbkit.Exec(t, db, `UPDATE audit_events SET seq = $3 WHERE org_id = $1 AND seq = $2`, org, step[0], step[1])
	}
}

// truncateTo cuts the log off after an event and makes the head fit.
func truncateTo(t *testing.T, db *store.DB, org string, seq int) {
	dbkit.Exec(t, db, `DELETE FROM audit_events WHERE org_id = $1 AND seq > $2`, org, seq)
	dbkit.Exec(t, db, `UPDATE audit_heads SET seq = $2, hash = (SELECT hash FROM audit_events WHERE org_id = $1 AND seq = $2),
		last_id = (SELECT id FROM audit_events WHERE org_id = $1 AND seq = $2) WHERE org_id = $1`, org, seq)
}

func TestVerifyWhileEventsComeIn(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db, org := dbkit.Open(t, cfg), dbkit.NewOrg()
		log := dbkit.NewLog(t, db)
		dbkit.AppendEvents(t, db, org, 10)
		var stop atomic.Bool
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for n := 0; n < 1500 && !stop.Load(); n++ {
					if err := db.Append(t.Context(), dbkit.Event(org)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		last := uint64(0)
		for range 10 {
			if err := log.Checkpoint(t.Context(), 1); err != nil {
				t.Error(err)
			}
			r := dbkit.Verify(t, log, org)
			if !r.OK || r.Events < last {
				t.Errorf("%+v after %d events", r, last)
			}
			last = r.Events
		}
		stop.Store(true)
		wg.Wait()
		if r := dbkit.Verify(t, log, org); !r.OK || r.Events < last {
			t.Errorf("in the end: %+v", r)
		}
	})
}

// TestTwoNodesKeepOneChain: nodes that append to one organisation at once make
// one chain, in the order of its numbers.
func TestTwoNodesKeepOneChain(t *testing.T) {
	cfg := dbkit.Engines["postgres"](t)
	nodes := []*store.DB{dbkit.Open(t, cfg), dbkit.Open(t, cfg)}
	orgs := []string{dbkit.NewOrg(), dbkit.NewOrg()}
	const writers, each = 16, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				ev := dbkit.Event(orgs[(w/2+i)%2])
				if err := nodes[w%2].Append(t.Context(), ev); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, org := range orgs {
		v := audit.NewVerifier(org, map[string]ed25519.PublicKey{})
		prev := ""
		if err := nodes[0].Walk(t.Context(), org, 0, v.Event); err != nil {
			t.Fatal(err)
		}
		head, err := nodes[1].Head(t.Context(), org)
		if err != nil {
			t.Fatal(err)
		}
		if r := v.Finish(head); !r.OK || r.Events != writers*each/2 {
			t.Errorf("%+v", r)
		}
		rows, err := nodes[1].Events(t.Context(), org, audit.Query{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for i := len(rows) - 1; i >= 0; i-- {
			if rows[i].PrevID != prev {
				t.Fatalf("event %d follows %q, want %q", rows[i].Seq, rows[i].PrevID, prev)
			}
			prev = rows[i].ID
		}
	}
}
