package vault_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the tests' own view of PostgreSQL

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/cmek"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// cluster is two nodes over one database and one keystore. On SQLite, which one
// process may open, both share its handle.
type cluster struct {
	*fixture
	nodes  [2]*vault.Service
	stores [2]*store.DB
}

// onBoth runs a test on a cluster over each engine.
func onBoth(t *testing.T, test func(t *testing.T, c *cluster)) {
	for engine, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(engine, func(t *testing.T) {
			f := newFixture(t, func(s *world.Setup) { s.Postgres = postgres })
			other := f.w.OtherNode()
			test(t, &cluster{f, [2]*vault.Service{f.Service, other.Vault}, [2]*store.DB{f.db, other.DB}})
		})
	}
}

// fresh is the keystore as a process sees it that has just started: the others
// may keep a key in memory for a while that another has destroyed.
func (c *cluster) fresh() keystore.KeyStore { return c.w.OtherNode().Keys }

// The keys of a client, and the values that it makes of them.
var keyA, keyB, keyC = clientKey('a'), clientKey('b'), clientKey('c')

func clientKey(fill byte) []byte { return []byte(strings.Repeat(string(rune(fill)), cmek.KeySize)) }

func clientSeal(key []byte, text string, asHex bool) string {
	body := clientCipher(key).Seal(nil, nil, []byte(text), nil)
	if asHex {
		return hex.EncodeToString(body)
	}
	return base64.StdEncoding.EncodeToString(append([]byte{1}, body...))
}

func clientCipher(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	a, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return a
}

// clientOpen is what a client reads of a value: decrypted once.
func clientOpen(key []byte, blob string) string {
	b, err := hex.DecodeString(blob)
	if err != nil {
		if b, err = base64.StdEncoding.DecodeString(blob); err != nil || len(b) == 0 {
			return "no known form"
		}
		b = b[1:]
	}
	plain, err := clientCipher(key).Open(nil, nil, b, nil)
	if err != nil {
		return "does not open"
	}
	return string(plain)
}

func (f *fixture) rotation(from, to []byte) vault.Rotation {
	return vault.Rotation{
		OldKey: base64.StdEncoding.EncodeToString(from), NewKey: base64.StdEncoding.EncodeToString(to), NewFingerprint: cmek.Fingerprint(to),
	}
}

// opaque makes a vault with n versions that a client encrypted, two a path, and a
// plain one from before.
func (f *fixture) opaque(name string, n int) vault.Vault {
	f.t.Helper()
	v := f.vault(name)
	f.put(v, "plain", "plain")
	v, err := f.EnableCMEK(f.t.Context(), f.call(f.owner), v.ID, cmek.Fingerprint(keyA))
	must(f.t, err)
	for i := range n {
		f.put(v, fmt.Sprintf("p%d", i/2), clientSeal(keyA, fmt.Sprint("value ", i), i%3 == 0))
	}
	return v
}

// allUnder wants every version of opaque to open once, with the key.
func (f *fixture) allUnder(s *vault.Service, v vault.Vault, n int, key []byte) {
	f.t.Helper()
	for i := range n {
		got, err := s.RevealVersion(f.t.Context(), f.call(f.owner), v.ID, parse(fmt.Sprintf("p%d", i/2)), uint64(1+i%2))
		if err != nil {
			f.t.Fatal(err)
		}
		if text := clientOpen(key, string(got.Value.Reveal())); text != fmt.Sprint("value ", i) || !got.CMEK {
			f.t.Errorf("version %d of p%d: %s", 1+i%2, i/2, text)
		}
	}
	if got, err := f.reveal(f.owner, v, "plain"); err != nil || got != "plain" {
		f.t.Errorf("the plain value: %q, %v", got, err)
	}
}

// onlyKey wants the vault's key to be the only one of its generations.
func (c *cluster) onlyKey(v vault.Vault) {
	f, keys := c.fixture, c.fresh()
	f.t.Helper()
	v, err := f.db.Vault(f.t.Context(), v.ID)
	must(f.t, err)
	for _, id := range vault.KEKs(v.ID, 0, v.KEKGen+3) {
		_, err := keys.Wrap(f.t.Context(), id, make([]byte, 32), nil)
		if there := err == nil; there != (id == v.KEK()) {
			f.t.Errorf("key %s: there %v", id, there)
		}
	}
	if scheduled, err := f.db.KeysToDestroy(f.t.Context()); err != nil || len(scheduled) > 0 {
		f.t.Errorf("keys to destroy %v, %v", scheduled, err)
	}
}

func drain(ctx context.Context, w *vault.Worker) {
	for w.Turn(ctx) {
	}
}

func TestKeysChangeUnderReadsAndWrites(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		v := c.vault("v")
		const paths = 120
		for i := range paths {
			c.put(v, fmt.Sprintf("p%d", i), fmt.Sprintf("p%d", i))
		}
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, s := range c.nodes {
			w := vault.NewWorker(s, c.now)
			all.Go(func() { w.Run(ctx) })
		}
		var reads, writes atomic.Int64
		for n := range 4 {
			s := c.nodes[n%2]
			all.Go(func() {
				for i := n; ctx.Err() == nil; i++ {
					path := fmt.Sprintf("p%d", i*7%paths)
					got, err := s.Reveal(t.Context(), c.call(c.owner), v.ID, parse(path))
					if err != nil || string(got.Value.Reveal()) != path {
						t.Errorf("read: %v", err)
						return
					}
					reads.Add(1)
				}
			})
			all.Go(func() {
				for i := n; ctx.Err() == nil; i++ {
					path := fmt.Sprintf("p%d", i*11%paths)
					if _, err := s.Put(t.Context(), c.call(c.owner), v.ID, parse(path), vault.Draft{Value: secret.FromString(path)}); err != nil {
						t.Errorf("write: %v", err)
						return
					}
					writes.Add(1)
				}
			})
		}
		for n := range 3 {
			j, err := c.nodes[n%2].Rekey(t.Context(), c.call(c.owner), v.ID)
			must(t, err)
			c.awaitEnd(v, j, vault.JobCompleted)
		}
		stop()
		all.Wait()
		if reads.Load() == 0 || writes.Load() == 0 {
			t.Errorf("%d reads, %d writes: nothing was tested", reads.Load(), writes.Load())
		}
		for i := range paths {
			path := fmt.Sprintf("p%d", i)
			rows, err := c.Versions(t.Context(), c.call(c.owner), v.ID, parse(path))
			must(t, err)
			for _, r := range rows {
				got, err := c.RevealVersion(t.Context(), c.call(c.owner), v.ID, parse(path), r.Meta.Version)
				if err != nil || string(got.Value.Reveal()) != path {
					t.Fatalf("version %d of %s: %v", r.Meta.Version, path, err)
				}
			}
		}
		must(t, c.Sweep(t.Context()))
		c.onlyKey(v)
	})
}

func (c *cluster) awaitEnd(v vault.Vault, j vault.Job, want vault.JobStatus) vault.Job {
	c.t.Helper()
	late := time.Now().Add(time.Minute)
	for {
		j, err := c.db.Job(c.t.Context(), v.ID, j.Kind, j.ID)
		must(c.t, err)
		if j.Status == vault.JobCompleted || j.Status == vault.JobFailed {
			if j.Status != want || j.Keys.WrappedDEK != nil || j.Keys.Ciphertext != nil {
				c.t.Fatalf("ended as %+v", j)
			}
			return j
		}
		if time.Now().After(late) {
			c.t.Fatalf("still %+v", j)
		}
		time.Sleep(time.Millisecond) // polls for a state
	}
}

// stopping is a store where the process of a worker ends, as it seems, at the
// n-th write of a job: before it is done or after.
type stopping struct {
	vault.Store
	left  *atomic.Int64
	after bool
	cut   map[string]int // what was cut, when somebody asks
}

var errStopped = errors.New("the process ended")

func (s *stopping) step(name string, do func() error) error {
	left := s.left.Add(-1)
	if left == -1 && s.cut != nil {
		s.cut[name]++
	}
	switch {
	case left >= 0:
		return do()
	case left == -1 && s.after:
		return errors.Join(do(), errStopped)
	}
	return errStopped // the dead do nothing
}

func (s *stopping) EndJob(ctx context.Context, j vault.Job, oldest int64, ev *audit.Event) error {
	return s.step("EndJob", func() error { return s.Store.EndJob(ctx, j, oldest, ev) })
}

func (s *stopping) ReleaseJob(ctx context.Context, j vault.Job, from time.Time) error {
	if s.left.Load() < 0 {
		return errStopped
	}
	return s.Store.ReleaseJob(ctx, j, from)
}

func (s *stopping) ForgetKey(ctx context.Context, id string) error {
	return s.step("ForgetKey", func() error { return s.Store.ForgetKey(ctx, id) })
}

// stoppingKeys is a keystore of the same process.
type stoppingKeys struct {
	vault.Keys
	*stopping
}

func (s *stoppingKeys) CreateKEK(ctx context.Context, id string) error {
	return s.step("CreateKEK", func() error { return s.Keys.CreateKEK(ctx, id) })
}

func (s *stoppingKeys) DestroyKEK(ctx context.Context, id string) error {
	return s.step("DestroyKEK", func() error { return s.Keys.DestroyKEK(ctx, id) })
}

func (s *stopping) Rewrite(ctx context.Context, j vault.Job, rows []vault.Rewritten, p vault.Progress, until time.Time) error {
	return s.step("Rewrite", func() error { return s.Store.Rewrite(ctx, j, rows, p, until) })
}

func (s *stopping) SwitchKEK(ctx context.Context, j vault.Job) error {
	return s.step("SwitchKEK", func() error { return s.Store.SwitchKEK(ctx, j) })
}

// A job is cut at every write that it does, its end and the destruction of the
// keys among them, before the write and after it. The worker that takes over finds what is
// left: every value is encrypted once, the end is told once, and no old key stays.
func TestAJobThatIsCutAnywhereGoesOn(t *testing.T) {
	const n = 230
	onBoth(t, func(t *testing.T, c *cluster) {
		for _, after := range []bool{false, true} {
			v := c.opaque(fmt.Sprint("v", after), n)
			j, err := c.RotateCMEK(t.Context(), c.call(c.owner), v.ID, c.rotation(keyA, keyB))
			must(t, err)
			now, cut, over := c.now(), map[string]int{}, false
			for life := int64(0); ; life++ {
				if life > 60 {
					t.Fatal("the job gets nowhere")
				}
				left := new(atomic.Int64)
				switch {
				case over:
					left.Store(life % 3)
				case after: // the key is asked for first in each life
					left.Store(1)
				default:
					left.Store(1 + life%2)
				}
				st := &stopping{c.stores[life%2], left, after, cut}
				s := c.w.VaultOn(st, &stoppingKeys{c.keys, st})
				for vault.NewWorker(s, func() time.Time { return now }).Turn(t.Context()) && left.Load() >= 0 {
				}
				if left.Load() >= 0 { // as a server does now and then
					if err := s.Sweep(t.Context()); err != nil && left.Load() >= 0 {
						t.Fatal(err)
					}
				}
				now = now.Add(time.Minute) // the lease of the dead ends
				got, err := c.db.Job(t.Context(), v.ID, vault.JobCMEK, j.ID)
				must(t, err)
				scheduled, err := c.db.KeysToDestroy(t.Context())
				must(t, err)
				over = got.Status == vault.JobCompleted
				if over && len(scheduled) == 0 {
					if got.Processed != n || got.Total != n || got.Unopened+got.Damaged > 0 {
						t.Errorf("ended as %+v", got)
					}
					break
				}
			}
			for what, times := range map[string]int{"Rewrite": 3, "SwitchKEK": 1, "EndJob": 1, "DestroyKEK": 1, "ForgetKey": 1} {
				if cut[what] < times {
					t.Errorf("%s was cut %d times, want %d", what, cut[what], times)
				}
			}
			c.allUnder(c.nodes[0], v, n, keyB)
			c.onlyKey(v)
			if _, err := c.fresh().Wrap(t.Context(), j.KEK(), make([]byte, 32), nil); fault.CodeOf(err) != keystore.CodeKeyNotFound {
				t.Errorf("the key of the client's keys: %v, want it destroyed", err)
			}
			c.told(j, "cmek_rotate", "success old_key_destroyed")
		}
	})
}

// told wants one event of the job's end in the log, of who began it.
func (c *cluster) told(j vault.Job, action, what string) {
	c.t.Helper()
	found := 0
	for _, r := range c.events() {
		if r.Action != "vault."+action || !strings.Contains(string(r.DetailsJSON), `"target":"job:`+j.ID+`"`) {
			continue
		}
		found++
		details := fmt.Sprintf(`{"outcome":%q,"reason":%q,"vault_id":%q,"target":"job:%s"}`, strings.Fields(what)[0], strings.Fields(what)[1], j.Vault, j.ID)
		if string(r.DetailsJSON) != details || r.ActorKind+":"+r.ActorID != j.CreatedBy || r.ResourceType != "vault" || r.ResourceID != j.Vault || r.IP != "" {
			c.t.Errorf("the end was told as %+v %s, want %s", r.Event, r.DetailsJSON, details)
		}
	}
	if found != 1 {
		c.t.Errorf("the end of a job was told %d times, want once", found)
	}
}

// slow is a store whose first Rewrite lets somebody else go first.
type slow struct {
	vault.Store
	once  sync.Once
	first func()
	err   error
}

func (s *slow) Rewrite(ctx context.Context, j vault.Job, rows []vault.Rewritten, p vault.Progress, until time.Time) error {
	s.once.Do(s.first)
	s.err = s.Store.Rewrite(ctx, j, rows, p, until)
	return s.err
}

// A node that slept through its lease does not write what another did meanwhile.
func TestTwoNodesDoNotWorkOnOneJob(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		v := c.opaque("v", 150)
		j, err := c.RotateCMEK(t.Context(), c.call(c.owner), v.ID, c.rotation(keyA, keyB))
		must(t, err)
		now := c.now()
		st := &slow{Store: c.stores[0], first: func() {
			if c.stores[0] != c.stores[1] && vault.NewWorker(c.nodes[1], func() time.Time { return now }).Turn(t.Context()) {
				t.Error("a job was taken from a node that works on it")
			}
			drain(t.Context(), vault.NewWorker(c.nodes[1], func() time.Time { return now.Add(time.Minute) }))
		}}
		drain(t.Context(), vault.NewWorker(c.w.VaultOn(st, c.keys), func() time.Time { return now }))
		if !errors.Is(st.err, vault.ErrJobLost) {
			t.Errorf("the write of the sleeper: %v", st.err)
		}
		if got, err := c.db.Job(t.Context(), v.ID, vault.JobCMEK, j.ID); err != nil || got.Status != vault.JobCompleted || got.Processed != 150 {
			t.Errorf("%+v, %v", got, err)
		}
		c.allUnder(c.nodes[0], v, 150, keyB)
		c.onlyKey(v)
	})
}

func TestAVaultGoesWhileItsJobRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		v := c.opaque("v", 150)
		j, err := c.RotateCMEK(t.Context(), c.call(c.owner), v.ID, c.rotation(keyA, keyB))
		must(t, err)
		st := &slow{Store: c.stores[0], first: func() { must(t, c.nodes[1].Remove(t.Context(), c.call(c.owner), v.ID)) }}
		drain(t.Context(), vault.NewWorker(c.w.VaultOn(st, c.keys), c.now))
		for _, id := range append(vault.KEKs(v.ID, 0, 3), j.KEK()) {
			if _, err := c.fresh().Wrap(t.Context(), id, make([]byte, 32), nil); fault.CodeOf(err) != keystore.CodeKeyNotFound {
				t.Errorf("key %s: %v, want it gone", id, err)
			}
		}
		_, err = c.db.Job(t.Context(), v.ID, vault.JobCMEK, j.ID)
		wantCode(t, "the job", err, "job_not_found")
	})
}

// In the middle of a job versions have keys of two generations: what is shared
// opens as what is read does.
func TestSharedValuesOpenInTheMiddleOfAJob(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		v := c.vault("v")
		c.put(v, "a", "x")
		_, err := c.Rekey(t.Context(), c.call(c.owner), v.ID)
		must(t, err)
		lend := func() {
			got := ""
			err := c.Lend(t.Context(), c.call(c.owner), c.owner, policy.Moment{Now: c.now()}, v.ID, parse("a"), func(*vault.Version) error { return nil },
				func(lent *vault.Secret) error { got = string(lent.Value.Reveal()); return nil })
			if err != nil || got != "x" {
				t.Errorf("lent: %q, %v", got, err)
			}
		}
		st := &slow{Store: c.stores[0], first: lend} // the vault has switched, the row has not
		drain(t.Context(), vault.NewWorker(c.w.VaultOn(st, c.keys), c.now))
		lend()
	})
}

// A version that was altered stays as it is, and so does the key that it needs.
func TestADamagedVersionIsLeftAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		v := c.vault("v")
		for i := range 5 {
			c.put(v, fmt.Sprintf("p%d", i), "x")
		}
		row, err := c.db.Latest(t.Context(), v.ID, "p2")
		must(t, err)
		c.w.Exec(`UPDATE secret_versions SET wrapped_dek = ? WHERE vault_id = ? AND path = 'p2'`, append(row.Box.WrappedDEK, 0), v.ID)
		j, err := c.Rekey(t.Context(), c.call(c.owner), v.ID)
		must(t, err)
		drain(t.Context(), vault.NewWorker(c.nodes[1], c.now))
		j = c.awaitEnd(v, j, vault.JobFailed)
		if j.Processed != 4 || j.Total != 5 || j.Damaged != 1 || !strings.HasPrefix(j.Error, "1 stored versions") || strings.Contains(j.Error, "p2") {
			t.Errorf("ended as %+v", j)
		}
		c.told(j, "rekey", "failed old_key_kept")
		for i := range 5 {
			got, err := c.RevealVersion(t.Context(), c.call(c.owner), v.ID, parse(fmt.Sprintf("p%d", i)), 1)
			if (err == nil) != (i != 2) || err == nil && string(got.Value.Reveal()) != "x" {
				t.Errorf("p%d: %v", i, err)
			}
		}
		// It is mended, and the next rekey takes it along.
		c.w.Exec(`UPDATE secret_versions SET wrapped_dek = ? WHERE vault_id = ? AND path = 'p2'`, row.Box.WrappedDEK, v.ID)
		j, err = c.Rekey(t.Context(), c.call(c.owner), v.ID)
		must(t, err)
		drain(t.Context(), vault.NewWorker(c.nodes[0], c.now))
		c.awaitEnd(v, j, vault.JobCompleted)
		if got, err := c.Reveal(t.Context(), c.call(c.owner), v.ID, parse("p2")); err != nil || string(got.Value.Reveal()) != "x" {
			t.Errorf("p2 after it was mended: %v", err)
		}
		c.onlyKey(v)
	})
}

func TestOneJobAVaultAtATime(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		v := c.opaque("v", 4)
		var next, won atomic.Int64
		for _, err := range parallel(16, func() error {
			n := next.Add(1)
			s := c.nodes[n%2]
			call := c.call(c.owner)
			var err error
			if n%3 == 0 {
				_, err = s.Rekey(t.Context(), call, v.ID)
			} else {
				_, err = s.RotateCMEK(t.Context(), call, v.ID, c.rotation(keyA, keyB))
			}
			if call.Event.Committed != (err == nil) {
				t.Errorf("the event of a job that began with %v: committed %v", err, call.Event.Committed)
			}
			return err
		}) {
			switch {
			case err == nil:
				won.Add(1)
			case fault.CodeOf(err) != "job_running" && fault.CodeOf(err) != "cmek_key_mismatch":
				t.Errorf("one of the others: %v", err)
			}
		}
		if won.Load() != 1 {
			t.Errorf("%d jobs began", won.Load())
		}
		_, err := c.DisableCMEK(t.Context(), c.call(c.owner), v.ID)
		wantCode(t, "disabling", err, "job_running")
	})
}

// The client's keys are gone: the job says so, and the same request goes on.
func TestALostRotationIsTakenUpAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		v := c.opaque("v", 150)
		j, err := c.RotateCMEK(t.Context(), c.call(c.owner), v.ID, c.rotation(keyA, keyB))
		must(t, err)
		left := new(atomic.Int64)
		left.Store(1)
		vault.NewWorker(c.w.VaultOn(&stopping{Store: c.stores[0], left: left}, c.keys), c.now).Turn(t.Context())
		must(t, c.keys.DestroyKEK(t.Context(), j.KEK()))
		later := func() time.Time { return c.now().Add(time.Minute) }
		drain(t.Context(), vault.NewWorker(c.nodes[1], later))
		j = c.awaitEnd(v, j, vault.JobFailed)
		if j.Processed != 100 || !strings.HasPrefix(j.Error, "The keys of this rotation are lost.") {
			t.Errorf("ended as %+v", j)
		}
		c.told(j, "cmek_rotate", "failed old_key_kept")
		must(t, c.db.PruneJobs(t.Context(), c.now().Add(99*time.Hour))) // it must be there to be taken up
		_, err = c.RotateCMEK(t.Context(), c.call(c.owner), v.ID, c.rotation(keyC, keyB))
		wantCode(t, "another old key", err, "cmek_key_mismatch")
		j, err = c.RotateCMEK(t.Context(), c.call(c.owner), v.ID, c.rotation(keyA, keyB))
		must(t, err)
		drain(t.Context(), vault.NewWorker(c.nodes[1], later))
		c.awaitEnd(v, j, vault.JobCompleted)
		c.allUnder(c.nodes[1], v, 150, keyB)
		c.onlyKey(v)
	})
}

// ending is a store where somebody else goes first as soon as the vault has
// switched.
type ending struct {
	vault.Store
	then func()
}

func (s *ending) SwitchKEK(ctx context.Context, j vault.Job) error {
	err := s.Store.SwitchKEK(ctx, j)
	s.then()
	return err
}

// A client that goes on with the old key after the switch: the job says so, and the
// same request once more turns what it wrote.
func TestARotationTellsOfValuesThatCameLate(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		const n = 10
		v := c.opaque("v", n)
		j, err := c.RotateCMEK(t.Context(), c.call(c.owner), v.ID, c.rotation(keyA, keyB))
		must(t, err)
		st := &ending{c.stores[0], func() {
			c.w.Clock.Forward(time.Second)
			for i := range 120 {
				c.put(v, fmt.Sprintf("late%d", i), clientSeal(keyA, "late", i%2 == 0))
			}
			c.put(v, "good", clientSeal(keyB, "good", false))
			c.put(v, "odd", "not encrypted")
		}}
		drain(t.Context(), vault.NewWorker(c.w.VaultOn(st, c.keys), c.now))
		j = c.awaitEnd(v, j, vault.JobFailed)
		if j.Processed != n || j.Unopened+j.Damaged != 0 || !strings.HasPrefix(j.Error, "120 values were written with the old key") {
			t.Errorf("ended as %+v", j)
		}
		c.told(j, "cmek_rotate", "failed old_key_destroyed")
		j, err = c.RotateCMEK(t.Context(), c.call(c.owner), v.ID, c.rotation(keyA, keyB))
		must(t, err)
		drain(t.Context(), vault.NewWorker(c.nodes[1], c.now))
		j = c.awaitEnd(v, j, vault.JobFailed)
		if j.Error != fmt.Sprintf("1 of %d values open with neither key and were left as they were.", n+122) {
			t.Errorf("ended as %+v", j)
		}
		c.allUnder(c.nodes[0], v, n, keyB)
		for path, want := range map[string]string{"late7": "late", "late118": "late", "good": "good"} {
			if got, err := c.reveal(c.owner, v, path); err != nil || clientOpen(keyB, got) != want {
				t.Errorf("%s: %s, %v", path, clientOpen(keyB, got), err)
			}
		}
		c.onlyKey(v)
	})
}
