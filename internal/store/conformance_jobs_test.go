package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

func (f *fixture) newJob(v vault.Vault, kind vault.JobKind) vault.Job {
	j := vault.Job{
		ID: ids.New(), Org: f.org, Vault: v.ID, Kind: kind, Status: vault.JobPending, Total: 7,
		CreatedBy: "user:" + ids.New(), CreatedAt: moment,
	}
	if kind == vault.JobCMEK {
		j.OldFingerprint, j.NewFingerprint = "aa", "bb"
		j.Keys = seal.Box{WrappedDEK: []byte{1, 0xff}, Ciphertext: []byte{2, 0}}
	}
	return j
}

func (f *fixture) claim(t *testing.T, holder string, now time.Time) (vault.Job, bool) {
	t.Helper()
	j, found, err := f.ClaimJob(t.Context(), holder, now, now.Add(time.Minute))
	must(t, err)
	return j, found
}

func testJobs(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	for n := range uint64(3) {
		f.put(t, v.ID, "a", n+1)
	}
	if _, found := f.claim(t, "one", moment); found {
		t.Error("a job where there is none")
	}
	in := f.newJob(v, vault.JobCMEK)
	_, err := f.AddJob(t.Context(), in, f.event())
	want(t, "of a vault without a client's key", err, "stale_version")
	want(t, "a fingerprint that was not", f.SetCMEK(t.Context(), f.org, v.ID, "aa", "bb", nil), "stale_version")
	must(t, f.SetCMEK(t.Context(), f.org, v.ID, "", "aa", f.event()))
	j, err := f.AddJob(t.Context(), in, f.event())
	must(t, err)
	in.To = 1
	if got, err := f.Job(t.Context(), v.ID, vault.JobCMEK, in.ID); err != nil || !reflect.DeepEqual(got, in) || !reflect.DeepEqual(j, in) {
		t.Errorf("stored %+v, read %+v, %v", in, got, err)
	}
	if got, err := f.Vault(t.Context(), v.ID); err != nil || got.CMEKFingerprint != "bb" || got.KEKGen != 0 {
		t.Errorf("the vault: %+v, %v", got, err)
	}
	_, err = f.Job(t.Context(), v.ID, vault.JobRekey, in.ID)
	want(t, "as another kind", err, "job_not_found")
	_, err = f.Job(t.Context(), ids.New(), vault.JobCMEK, in.ID)
	want(t, "of another vault", err, "job_not_found")
	_, err = f.LastJob(t.Context(), v.ID, vault.JobRekey)
	want(t, "the last of another kind", err, "job_not_found")
	_, err = f.AddJob(t.Context(), f.newJob(v, vault.JobRekey), f.event())
	want(t, "a second", err, "job_running")
	want(t, "a change of the fingerprint", f.SetCMEK(t.Context(), f.org, v.ID, "bb", "", nil), "job_running")
	_, err = f.AddJob(t.Context(), f.newJob(f.newVault("none"), vault.JobRekey), f.event())
	want(t, "of no vault", err, "vault_not_found")

	first, found := f.claim(t, "one", moment)
	if !found || first.Holder != "one" || first.Status != vault.JobRunning || first.StartedAt != moment || first.Keys.Ciphertext == nil {
		t.Errorf("claimed %+v", first)
	}
	if f.Engine() == "postgres" {
		if _, found := f.claim(t, "two", moment.Add(time.Second)); found {
			t.Error("a leased job was claimed")
		}
	}
	second, found := f.claim(t, "two", moment.Add(time.Hour))
	if !found || second.ID != first.ID || second.StartedAt != moment {
		t.Errorf("after the lease: %+v", second)
	}
	rows, err := f.Remaining(t.Context(), second, 2)
	must(t, err)
	if len(rows) != 2 || rows[0].Meta.Version != 1 || rows[1].Meta.Version != 2 || rows[0].Box.Ciphertext != nil || string(rows[0].Box.WrappedDEK) != "dek of a 1" {
		t.Errorf("remaining %+v", rows)
	}
	anew := []vault.Rewritten{
		{Path: "a", Version: 1, Box: seal.Box{WrappedDEK: []byte("one"), Ciphertext: []byte("new")}},
		{Path: "a", Version: 3, Box: seal.Box{WrappedDEK: []byte("three")}},
		{Path: "a", Version: 9, Box: seal.Box{WrappedDEK: []byte("gone")}},
	}
	p := vault.Progress{CursorPath: "a", CursorVersion: 1, Processed: 3, Unopened: 2, Damaged: 1}
	want(t, "the write of who lost it", f.Rewrite(t.Context(), first, anew, p, moment), "job_lost")
	want(t, "the switch of who lost it", f.SwitchKEK(t.Context(), first), "job_lost")
	want(t, "the end of who lost it", f.EndJob(t.Context(), first, 1, nil), "job_lost")
	if got, err := f.Latest(t.Context(), v.ID, "a"); err != nil || got.KEKGen != 0 { // and it is cached now
		t.Errorf("after these: %+v, %v", got, err)
	}
	must(t, f.Rewrite(t.Context(), second, anew, p, moment.Add(2*time.Hour)))
	must(t, f.Rewrite(t.Context(), second, []vault.Rewritten{{Path: "a", Version: 1, Box: seal.Box{WrappedDEK: []byte("twice")}}}, vault.Progress{}, moment.Add(2*time.Hour)))
	for n, box := range map[uint64]seal.Box{1: anew[0].Box, 2: version(v.ID, "a", 2).Box, 3: {WrappedDEK: []byte("three"), Ciphertext: version(v.ID, "a", 3).Box.Ciphertext}} {
		got, err := f.At(t.Context(), v.ID, "a", n)
		must(t, err)
		if !reflect.DeepEqual(got.Box, box) || got.KEKGen != map[uint64]int64{1: 1, 2: 0, 3: 1}[n] {
			t.Errorf("version %d: %+v", n, got)
		}
	}
	if got, err := f.Latest(t.Context(), v.ID, "a"); err != nil || got.KEKGen != 1 || string(got.Box.WrappedDEK) != "three" {
		t.Errorf("the newest: %+v, %v", got, err)
	}
	if oldest, err := f.OldestKEK(t.Context(), v.ID, 5); err != nil || oldest != 0 {
		t.Errorf("oldest %d, %v", oldest, err)
	}
	if oldest, err := f.OldestKEK(t.Context(), ids.New(), 5); err != nil || oldest != 5 {
		t.Errorf("oldest of nothing %d, %v", oldest, err)
	}

	must(t, f.SwitchKEK(t.Context(), second))
	stale := version(v.ID, "a", 4)
	stale.CMEK = true
	want(t, "a version under the old key", f.PutVersion(t.Context(), f.org, stale, nil), "stale_version")
	want(t, "a first version under the old key", f.PutVersion(t.Context(), f.org, version(v.ID, "b", 1), nil), "stale_version")
	stale.KEKGen = 1
	must(t, f.PutVersion(t.Context(), f.org, stale, nil))
	second.Status, second.CompletedAt, second.Error = vault.JobFailed, moment.Add(time.Hour), "why"
	must(t, f.EndJob(t.Context(), second, 1, f.event()))
	got, err := f.LastJob(t.Context(), v.ID, vault.JobCMEK)
	must(t, err)
	if got.Keys.WrappedDEK != nil || got.Keys.Ciphertext != nil || got.Status != vault.JobFailed || got.Error != "why" || got.Processed != 3 ||
		got.Unopened != 2 || got.Damaged != 1 || got.Total != 4 || got.CompletedAt != second.CompletedAt || !got.Switched {
		t.Errorf("ended as %+v", got)
	}
	if _, found := f.claim(t, "three", moment.Add(99*time.Hour)); found {
		t.Error("a job that is over was claimed")
	}
	scheduled, err := f.KeysToDestroy(t.Context())
	must(t, err)
	slices.Sort(scheduled)
	if want := []string{"job:" + j.ID, "vault:" + v.ID}; !slices.Equal(scheduled, want) {
		t.Errorf("scheduled %v, want %v", scheduled, want)
	}

	// The next one has a generation of its own, also when the vault goes with it.
	j, err = f.AddJob(t.Context(), f.newJob(v, vault.JobRekey), f.event())
	if err != nil || j.To != 2 {
		t.Errorf("the next: %+v, %v", j, err)
	}
	must(t, f.RemoveVault(t.Context(), v, f.event()))
	if _, found := f.claim(t, "three", moment.Add(99*time.Hour)); found {
		t.Error("a job of a vault that is gone was claimed")
	}
	scheduled, err = f.KeysToDestroy(t.Context())
	must(t, err)
	for gen := range 3 {
		if id := vault.KEKs(v.ID, int64(gen), int64(gen))[0]; !slices.Contains(scheduled, id) {
			t.Errorf("%s is not scheduled for destruction: %v", id, scheduled)
		}
	}
}

// Jobs take turns: the one that was given back first comes first.
func testJobTurns(t *testing.T, f *fixture) {
	for n := range 3 {
		_, err := f.AddJob(t.Context(), f.newJob(f.addVault(t, fmt.Sprint(n)), vault.JobRekey), nil)
		must(t, err)
	}
	now, seen := moment, []string(nil)
	for range 6 {
		j, found := f.claim(t, "one", now)
		if !found {
			t.Fatal("none waits")
		}
		seen = append(seen, j.ID)
		now = now.Add(time.Second)
		must(t, f.ReleaseJob(t.Context(), j, now))
	}
	if !slices.Equal(seen[:3], seen[3:]) || seen[0] == seen[1] || seen[1] == seen[2] {
		t.Errorf("turns %v", seen)
	}
}

// Jobs can be asked for without end: a vault remembers the last hundred, and a
// generation is used once all the same.
func testOldJobs(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	var all []vault.Job
	for n := range int64(103) {
		j, err := f.AddJob(t.Context(), f.newJob(v, vault.JobRekey), f.event())
		must(t, err)
		if j.To != n+1 {
			t.Fatalf("job %d has generation %d", n, j.To)
		}
		all = append(all, j)
		j, _ = f.claim(t, "one", moment)
		must(t, f.SwitchKEK(t.Context(), j))
		j.Status, j.CompletedAt = vault.JobCompleted, moment
		must(t, f.EndJob(t.Context(), j, 0, nil))
	}
	for n, j := range all {
		if _, err := f.Job(t.Context(), v.ID, vault.JobRekey, j.ID); (err == nil) != (n >= 3) {
			t.Errorf("job %d of 103: %v", n, err)
		}
	}
}

// Jobs that are over stay for a while, and those that something hangs on longer.
func testJobsArePruned(t *testing.T, f *fixture) {
	v, late := f.addVault(t, "v"), moment.Add(24*time.Hour)
	ended := func(at time.Time, status vault.JobStatus, switched bool) vault.Job {
		t.Helper()
		_, err := f.AddJob(t.Context(), f.newJob(v, vault.JobRekey), nil)
		must(t, err)
		j, found := f.claim(t, "one", moment)
		if !found {
			t.Fatal("no job to claim")
		}
		if switched {
			must(t, f.SwitchKEK(t.Context(), j))
		}
		j.Status, j.CompletedAt = status, at
		must(t, f.EndJob(t.Context(), j, 0, nil))
		return j
	}
	there := func(what string, j vault.Job, is bool) {
		t.Helper()
		_, err := f.Job(t.Context(), v.ID, j.Kind, j.ID)
		if is {
			must(t, err)
		} else {
			want(t, what, err, "job_not_found")
		}
	}
	prune := func(before time.Time) {
		t.Helper()
		must(t, f.PruneJobs(t.Context(), before))
	}
	done := ended(moment, vault.JobCompleted, true)
	prune(moment)
	there("one that ended just then", done, true)
	prune(late)
	there("one that ended before", done, false)
	failed := ended(moment, vault.JobFailed, true)
	prune(late)
	there("the last one, which failed", failed, true)
	stuck := ended(moment, vault.JobFailed, false)
	prune(late)
	there("one that failed, and that another followed", failed, false)
	there("one whose generation the vault has not reached", stuck, true)
	next := ended(moment.Add(48*time.Hour), vault.JobCompleted, true)
	if next.To != stuck.To+1 || stuck.To != failed.To+1 {
		t.Errorf("generations %d, %d, %d", failed.To, stuck.To, next.To)
	}
	running, err := f.AddJob(t.Context(), f.newJob(v, vault.JobRekey), nil)
	must(t, err)
	prune(late)
	there("one that another has gone beyond", stuck, false)
	there("one that ended later", next, true)
	prune(moment.Add(9999 * time.Hour))
	there("the one that ended later, at last", next, false)
	there("one under way", running, true)
	if running.To != next.To+1 {
		t.Errorf("generation %d after %d", running.To, next.To)
	}
}

// What clients wrote under the job's generation, and when.
func testWrittenSince(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	must(t, f.SetCMEK(t.Context(), f.org, v.ID, "", "aa", nil))
	for n := range uint64(3) {
		one := version(v.ID, "a", n+1)
		one.CMEK, one.CreatedAt = true, moment.Add(time.Duration(n)*time.Hour)
		must(t, f.PutVersion(t.Context(), f.org, one, nil))
	}
	j, err := f.AddJob(t.Context(), f.newJob(v, vault.JobCMEK), nil)
	must(t, err)
	since := func(at time.Time, path string, n uint64) (got []uint64) {
		t.Helper()
		rows, err := f.WrittenSince(t.Context(), j, at, path, n, 2)
		must(t, err)
		for _, r := range rows {
			got = append(got, r.Meta.Version)
		}
		return got
	}
	if got := since(moment, "", 0); got != nil {
		t.Errorf("under an older generation: %v", got)
	}
	j.To = 0 // that of all of them
	for _, tc := range []struct {
		at   time.Time
		path string
		n    uint64
		want []uint64
	}{
		{moment, "", 0, []uint64{1, 2}}, {moment, "a", 2, []uint64{3}}, {moment, "a", 3, nil},
		{moment.Add(time.Hour), "", 0, []uint64{2, 3}}, {moment.Add(3 * time.Hour), "", 0, nil},
	} {
		if got := since(tc.at, tc.path, tc.n); !slices.Equal(got, tc.want) {
			t.Errorf("since %v after %s %d: %v, want %v", tc.at, tc.path, tc.n, got, tc.want)
		}
	}
}
