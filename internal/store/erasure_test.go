package store_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// column is one column of the schema.
type column struct{ table, name, kind string }

// columns are all of the database, but the migrator's.
func columns(t *testing.T, db *store.DB) (all []column) {
	t.Helper()
	query := `SELECT m.name, p.name, LOWER(p.type) FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' ORDER BY m.name, p.cid`
	if db.Postgres() {
		query = `SELECT table_name::text, column_name::text, LOWER(data_type::text) FROM information_schema.columns
			WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`
	}
	dbkit.Each(t, db, query, func(scan func(...any) error) error {
		var c column
		err := scan(&c.table, &c.name, &c.kind)
		if !strings.HasPrefix(c.table, "goose") && !strings.HasPrefix(c.table, "sqlite") {
			all = append(all, c)
		}
		return err
	})
	if len(all) < 200 {
		t.Fatalf("only %d columns", len(all))
	}
	return all
}

func (c column) isText() bool { return strings.Contains(c.kind, "text") }

// holding returns the columns that hold the text somewhere, the log's apart.
func holding(t *testing.T, db *store.DB, text string) (found []string) {
	t.Helper()
	for _, c := range columns(t, db) {
		if !c.isText() || strings.HasPrefix(c.table, "audit_") {
			continue
		}
		var n int
		dbkit.Scan(t, db, fmt.Sprintf(`SELECT COUNT(*) FROM %s WHERE %s LIKE $1`, c.table, c.name), []any{"%" + text + "%"}, &n)
		if n > 0 {
			found = append(found, c.table+"."+c.name)
		}
	}
	return found
}

// ofUsers are the columns that say who.
var ofUsers = regexp.MustCompile(`_by$|_human$|^(user|principal|maker|recipient|requester)_id$`)

// litter puts a row into every table for every column that may name a user.
func litter(t *testing.T, db *store.DB, user, email, org string) (rows int) {
	t.Helper()
	tables := map[string][]column{}
	for _, c := range columns(t, db) {
		tables[c.table] = append(tables[c.table], c)
	}
	for table, all := range tables {
		if strings.HasPrefix(table, "audit_") || table == "memberships" || table == "users" {
			continue
		}
		for _, who := range all {
			if !who.isText() || !ofUsers.MatchString(who.name) && who.name != "recipient_email" && who.name != "email" {
				continue
			}
			var names, marks []string
			var args []any
			for i, c := range all {
				var value any
				switch {
				case c == who && strings.HasSuffix(c.name, "email"):
					value = email
				case c == who && table == "secret_versions":
					value = "user:" + user
				case c == who:
					value = user
				case c.name == "org_id":
					value = org
				case strings.HasSuffix(c.name, "_type") || strings.HasSuffix(c.name, "_kind"):
					value = "user"
				case c.isText():
					value = ids.New()
				case strings.Contains(c.kind, "int"):
					value = 7 + rows
				default:
					value = []byte("x")
				}
				names, marks, args = append(names, c.name), append(marks, fmt.Sprintf("$%d", i+1)), append(args, value)
			}
			if table == "approval_webhooks" || table == "billing_accounts" { // one an organisation
				dbkit.Exec(t, db, `DELETE FROM `+table)
			}
			dbkit.Exec(t, db, fmt.Sprintf(`INSERT INTO %s (%s) VALUES (%s)`, table, strings.Join(names, ", "), strings.Join(marks, ", ")), args...)
			rows++
		}
	}
	return rows
}

// person is a user with an organisation of its own.
func person(t *testing.T, db *store.DB, change ...func(*identity.Account)) identity.Account {
	t.Helper()
	a := identity.Account{Org: dbkit.NewOrg(), Role: policy.RoleOwner, PasswordHash: "none"}
	a.ID = ids.New()
	a.Email, a.AuthMethod, a.HomeOrg, a.CreatedAt = ids.New()+"@example.com", "password", a.Org, time.Now()
	for _, f := range change {
		f(&a)
	}
	if err := db.AddUser(t.Context(), a, "org", nil, dbkit.Event(a.Org)); err != nil {
		t.Fatal(err)
	}
	return a
}

// joins makes a member of a's organisation.
func joins(t *testing.T, db *store.DB, a, who identity.Account, role policy.Role) {
	t.Helper()
	i := org.Invitation{
		ID: ids.New(), Org: a.Org, Email: who.Email, Role: role, TokenHash: ids.New(), InvitedBy: a.ID,
		CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
	}
	if err := db.AddInvitation(t.Context(), i, func(org.Member) error { return nil }, dbkit.Event(a.Org)); err != nil {
		t.Fatal(err)
	}
	if err := db.Join(t.Context(), i, who.ID, time.Now(), dbkit.Event(a.Org)); err != nil {
		t.Fatal(err)
	}
}

// leave deletes an account, asked for in org.
func leave(t *testing.T, db *store.DB, who identity.Account, org string) error {
	t.Helper()
	return db.RemoveUser(t.Context(), account.Erasure{User: who.ID, At: time.Now(), Note: dbkit.Event}, dbkit.Event(org))
}

func TestADeletedAccountLeavesNoRowWithItsID(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		ann, bob := person(t, db), person(t, db)
		joins(t, db, ann, bob, policy.RoleAdmin)
		if n := litter(t, db, bob.ID, bob.Email, ann.Org); n < 25 {
			t.Fatalf("only %d rows", n)
		}
		v := vault.Vault{ID: ids.New(), Org: bob.Org, Name: "v", CreatedBy: bob.ID, CreatedByKind: policy.KindUser, CreatedAt: time.Now()}
		if err := db.AddVault(t.Context(), v, dbkit.Event(bob.Org)); err != nil {
			t.Fatal(err)
		}
		dbkit.Exec(t, db, `UPDATE vaults SET kek_oldest = 1, kek_gen = 3 WHERE id = $1`, v.ID) // two more generations
		litter(t, db, ids.New(), "x@example.com", bob.Org)
		before := len(holding(t, db, bob.Org))
		if before < 15 {
			t.Fatalf("the organisation is in %d columns", before)
		}
		seq := func(org string) (n int64) {
			dbkit.Scan(t, db, `SELECT seq FROM audit_heads WHERE org_id = $1`, []any{org}, &n)
			return n
		}
		was := map[string]int64{ann.Org: seq(ann.Org), bob.Org: seq(bob.Org)}
		epoch, _ := db.Epoch()
		if err := leave(t, db, bob, bob.Org); err != nil {
			t.Fatal(err)
		}
		if left := holding(t, db, bob.ID); len(left) > 0 {
			t.Errorf("the user's id is left in %v", left)
		}
		if left := holding(t, db, bob.Email); len(left) > 0 {
			t.Errorf("the user's address is left in %v", left)
		}
		// The ledger of credits is never changed.
		left := slices.DeleteFunc(holding(t, db, bob.Org), func(s string) bool { return s == "credit_ledger.org_id" })
		if len(left) > 0 {
			t.Errorf("the organisation is left in %v", left)
		}
		for org, n := range was {
			if now := seq(org); now != n+1 {
				t.Errorf("%d events more in a log", now-n)
			}
		}
		if is, _ := db.Epoch(); is == epoch {
			t.Error("the epoch did not move")
		}
		scheduled, err := db.KeysToDestroy(t.Context())
		for _, id := range vault.KEKs(v.ID, 1, 3) {
			if err != nil || !slices.Contains(scheduled, id) {
				t.Errorf("%s is not scheduled for destruction: %v, %v", id, scheduled, err)
			}
		}
		// What belongs to others is still there.
		if all, err := db.Members(t.Context(), ann.Org); err != nil || len(all) != 1 || all[0].ID != ann.ID {
			t.Errorf("members %v, %v", all, err)
		}
		dbkit.WantKind(t, leave(t, db, bob, bob.Org), fault.NotFound)
		if err := db.AddUser(t.Context(), bob, "again", nil, dbkit.Event(bob.Org)); err != nil {
			t.Errorf("the address is not free: %v", err)
		}
	})
}

func TestOneOwnerOrAdminStaysWhenTheLastLeaveAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*identity.Account)
		code   string
	}{
		"owners of an organisation that others are in": {func(*identity.Account) {}, "sole_owner"},
		"platform admins": {func(a *identity.Account) { a.PlatformAdmin = true }, "last_platform_admin"},
	} {
		t.Run(name, func(t *testing.T) {
			dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
				// Two nodes where the engine has them.
				nodes := []*store.DB{dbkit.Open(t, cfg)}
				if nodes[0].Postgres() {
					nodes = append(nodes, dbkit.Open(t, cfg))
				}
				all := []identity.Account{person(t, nodes[0], test.change)}
				for range 7 {
					all = append(all, person(t, nodes[0], test.change))
				}
				if test.code == "sole_owner" {
					joins(t, nodes[0], all[0], person(t, nodes[0]), policy.RoleMember)
					for _, a := range all[1:] {
						joins(t, nodes[0], all[0], a, policy.RoleOwner)
					}
				}
				errs := make([]error, len(all))
				var wg sync.WaitGroup
				for i, a := range all {
					wg.Go(func() { errs[i] = leave(t, nodes[i%len(nodes)], a, a.Org) })
				}
				wg.Wait()
				stayed := 0
				for _, err := range errs {
					if err != nil {
						stayed++
						if fault.CodeOf(err) != test.code {
							t.Errorf("got %v, want %s", err, test.code)
						}
					}
				}
				var users int
				dbkit.Scan(t, nodes[0], `SELECT COUNT(*) FROM users`, nil, &users)
				want := 1
				if test.code == "sole_owner" {
					want = 2 // the member
				}
				if stayed != 1 || users != want {
					t.Errorf("%d were refused, %d users are left", stayed, users)
				}
			})
		})
	}
}

// A request that was let in before the account went brings nothing back.
func TestWhatWasUnderWayBringsNothingBack(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		ann, bob := person(t, db), person(t, db)
		joins(t, db, ann, bob, policy.RoleAdmin)
		if err := leave(t, db, bob, ann.Org); err != nil {
			t.Fatal(err)
		}
		ctx, now := t.Context(), time.Now()
		agent := agent.Agent{State: identity.State{ID: ids.New(), Org: ann.Org, Creator: bob.ID, Active: true}, Name: "a", AuthMethod: agent.MethodMTLS, CreatedAt: now}
		i := org.Invitation{ID: ids.New(), Org: ann.Org, Email: bob.Email, Role: policy.RoleMember, TokenHash: "h", InvitedBy: ann.ID, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
		if err := db.AddInvitation(ctx, i, func(org.Member) error { return nil }, dbkit.Event(ann.Org)); err != nil {
			t.Fatal(err)
		}
		for name, do := range map[string]func() error{
			"a vault of the organisation": func() error {
				return db.AddVault(ctx, vault.Vault{ID: ids.New(), Org: bob.Org, Name: "v", CreatedBy: ids.New(), CreatedByKind: policy.KindAgent, CreatedAt: now}, dbkit.Event(bob.Org))
			},
			"a vault": func() error {
				return db.AddVault(ctx, vault.Vault{ID: ids.New(), Org: ann.Org, Name: "v", CreatedBy: bob.ID, CreatedByKind: policy.KindUser, CreatedAt: now}, dbkit.Event(ann.Org))
			},
			"an agent": func() error { return db.AddAgent(ctx, agent, dbkit.Event(ann.Org)) },
			"a key": func() error {
				return db.AddKey(ctx, identity.UserKey{ID: ids.New(), Org: ann.Org, User: bob.ID, Hash: "h", CreatedAt: now}, dbkit.Event(ann.Org))
			},
			"a second factor": func() error {
				t := account.TOTP{User: bob.ID}
				t.Box.WrappedDEK, t.Box.Ciphertext = []byte("x"), []byte("x")
				return db.SetUpTOTP(ctx, ann.Org, t, now, dbkit.Event(ann.Org))
			},
			"a challenge": func() error {
				return db.AddChallenge(ctx, account.Challenge{Hash: "h", User: bob.ID, Org: ann.Org, ExpiresAt: now.Add(time.Hour)}, now, nil)
			},
			"a mailed token": func() error {
				return db.AddMailToken(ctx, bob.ID, account.MailToken{Hash: "h", Purpose: account.PurposeReset, ExpiresAt: now.Add(time.Hour)})
			},
			"an account at a provider": func() error {
				return db.LinkAccount(ctx, ann.Org, account.Link{Issuer: "i", Subject: "s", User: bob.ID, CreatedAt: now}, dbkit.Event(ann.Org))
			},
			"a membership": func() error { return db.Join(ctx, i, bob.ID, now, dbkit.Event(ann.Org)) },
		} {
			if err := do(); err == nil {
				t.Errorf("%s was added", name)
			}
		}
		if err := db.AddUsage(ctx, []billing.Count{{Org: bob.Org, Month: "2026-11", Total: 1}}, []billing.Event{
			{Org: bob.Org, ID: "1", PrincipalKind: policy.KindUser, PrincipalID: bob.ID, At: now},
			{Org: ann.Org, ID: "2", PrincipalKind: policy.KindUser, PrincipalID: bob.ID, At: now},
		}); err != nil {
			t.Error(err)
		}
		if left := append(holding(t, db, bob.ID), holding(t, db, bob.Org)...); len(left) > 0 {
			t.Errorf("it is in %v", left)
		}
		// An account that is gone is known for a day, and as long as a clock may be wrong.
		var n int
		if err := db.Sweep(ctx, now.Add(8*24*time.Hour-time.Hour), now); err != nil {
			t.Error(err)
		}
		if dbkit.Scan(t, db, `SELECT COUNT(*) FROM gone`, nil, &n); n != 2 {
			t.Errorf("%d are known to be gone", n)
		}
		if err := db.Sweep(ctx, now.Add(8*24*time.Hour+time.Hour), now); err != nil {
			t.Error(err)
		}
		if dbkit.Scan(t, db, `SELECT COUNT(*) FROM gone`, nil, &n); n != 0 {
			t.Errorf("%d are known to be gone after eight days", n)
		}
	})
}

func TestAUserWhoJoinsWhileLeavingIsInNothing(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		other := db
		if db.Postgres() {
			other = dbkit.Open(t, cfg)
		}
		for range 8 {
			ann, bob := person(t, db), person(t, db)
			i := org.Invitation{ID: ids.New(), Org: ann.Org, Email: bob.Email, Role: policy.RoleMember, TokenHash: ids.New(), InvitedBy: ann.ID, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
			if err := db.AddInvitation(t.Context(), i, func(org.Member) error { return nil }, dbkit.Event(ann.Org)); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			wg.Go(func() { _ = other.Join(t.Context(), i, bob.ID, time.Now(), dbkit.Event(ann.Org)) })
			var err error
			wg.Go(func() { err = leave(t, db, bob, bob.Org) })
			wg.Wait()
			if left := holding(t, db, bob.ID); err != nil || len(left) > 0 {
				t.Errorf("%v; it is in %v", err, left)
			}
		}
	})
}
