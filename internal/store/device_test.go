package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// many runs f at once and counts how often it was true.
func many(t *testing.T, n int, f func() (bool, error)) (yes int64) {
	t.Helper()
	var count atomic.Int64
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			ok, err := f()
			if err != nil {
				t.Error(err)
			}
			if ok {
				count.Add(1)
			}
		})
	}
	all.Wait()
	return count.Load()
}

func TestADeviceIsDecidedAndUsedOnce(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		now := stamp.Of(time.Now())
		add := func(network string) account.Device {
			d := account.Device{
				ID: ids.New(), DeviceHash: ids.New(), UserHash: ids.New(), ClientID: "cli", Network: network,
				Address: network, Status: account.DevicePending, CreatedAt: now, ExpiresAt: now.Add(time.Minute),
			}
			if added, err := db.AddDevice(t.Context(), d, 100, 1000, dbkit.Event(audit.SystemOrg)); err != nil || !added {
				t.Fatalf("added %v, %v", added, err)
			}
			return d
		}
		d := add("192.0.2.1")
		got, err := db.DeviceByCode(t.Context(), d.DeviceHash)
		if err != nil || got != d {
			t.Errorf("kept %+v, %v, want %+v", got, err, d)
		}
		d.Status, d.User, d.Org, d.TokenGen = account.DeviceApproved, ids.New(), dbkit.NewOrg(), 3
		if n := many(t, 50, func() (bool, error) { return db.DecideDevice(t.Context(), d, now, dbkit.Event(d.Org)) }); n != 1 {
			t.Errorf("decided %d times", n)
		}
		if got, err = db.DeviceByUserCode(t.Context(), d.UserHash); err != nil || got != d {
			t.Errorf("kept %+v, %v, want %+v", got, err, d)
		}
		if n := many(t, 50, func() (bool, error) { return db.PollDevice(t.Context(), d.ID, now.Add(-time.Second), now) }); n != 1 {
			t.Errorf("%d polls were in time", n)
		}
		used := many(t, 100, func() (bool, error) {
			err := db.UseDevice(t.Context(), d, now, dbkit.Event(d.Org))
			if fault.Is(err, fault.NotFound) {
				return false, nil
			}
			return err == nil, err
		})
		if used != 1 || len(dbkit.Chain(t, db, d.Org)) != 2 {
			t.Errorf("used %d times, with %d events", used, len(dbkit.Chain(t, db, d.Org)))
		}
		late := add("192.0.2.2")
		if ok, err := db.DecideDevice(t.Context(), late, late.ExpiresAt, dbkit.Event(dbkit.NewOrg())); ok || err != nil {
			t.Errorf("decided too late: %v, %v", ok, err)
		}
		if n := many(t, 30, func() (bool, error) {
			o := late
			o.ID, o.DeviceHash, o.UserHash, o.Network = ids.New(), ids.New(), ids.New(), "192.0.2.3"
			return db.AddDevice(t.Context(), o, 7, 1000, dbkit.Event(audit.SystemOrg))
		}); n != 7 {
			t.Errorf("%d of one network were added, want 7", n)
		}
		o := late
		o.ID, o.DeviceHash, o.UserHash, o.Network = ids.New(), ids.New(), ids.New(), "192.0.2.4"
		if ok, err := db.AddDevice(t.Context(), o, 7, 9, dbkit.Event(audit.SystemOrg)); ok || err != nil {
			t.Errorf("a tenth of nine was added: %v, %v", ok, err)
		}
	})
}

func TestAnAddressIsNamedOnceInAWhile(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		now := stamp.Of(time.Now())
		ask := func(mail string, at time.Time, all int) (time.Time, bool, error) {
			r := agent.EnrollRequest{ID: ids.New(), Email: mail, Name: "bot", CreatedAt: at}
			return db.AddEnrollRequest(t.Context(), r, "hash of "+mail, at.Add(10*time.Minute), all, dbkit.Event(audit.SystemOrg))
		}
		if n := many(t, 50, func() (bool, error) { _, ok, err := ask("a@example.com", now, 100); return ok, err }); n != 1 {
			t.Errorf("taken %d times", n)
		}
		if wait, ok, err := ask("a@example.com", now.Add(time.Minute), 100); ok || err != nil || !wait.Equal(now.Add(10*time.Minute)) {
			t.Errorf("taken again: %v, %v, %v", wait, ok, err)
		}
		if wait, ok, err := ask("b@example.com", now, 1); ok || err != nil || !wait.IsZero() {
			t.Errorf("beyond the bound: %v, %v, %v", wait, ok, err)
		}
		if _, ok, err := ask("b@example.com", now, 2); !ok || err != nil {
			t.Errorf("what was refused counts: %v, %v", ok, err)
		}
		if _, ok, err := ask("a@example.com", now.Add(10*time.Minute), 100); !ok || err != nil {
			t.Errorf("not taken after the wait: %v, %v", ok, err)
		}
		later := now.Add(time.Hour)
		if n := many(t, 20, func() (bool, error) {
			_, ok, err := db.ClaimEnrollRequest(t.Context(), later, later.Add(time.Minute))
			return ok, err
		}); n != 3 {
			t.Errorf("%d claims of 3", n)
		}
	})
}
