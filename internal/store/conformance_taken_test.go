package store_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// testTaken ends tokens that humans took of agents, by each way of ending what they
// were taken with.
func testTaken(t *testing.T, f *fixture) {
	ann := addUser(t, f)
	bob := f.joiner(t, ann, policy.RoleAdmin)
	now := time.Now()
	robot := agent.Agent{Name: "bot", AuthMethod: agent.MethodAPIKey}
	robot.ID, robot.Org, robot.Creator, robot.Active, robot.TokenGen, robot.CreatedAt = ids.New(), f.org, ann, true, 1, now
	robot.KeyHash = ids.New()
	must(t, f.AddAgent(t.Context(), robot, f.event()))
	take := func(user, with string) string {
		ev := f.event()
		ev.With = with
		id := ids.New()
		must(t, f.TakeToken(t.Context(), identity.Taken{ID: id, Org: f.org, Agent: robot.ID, Gen: 1, User: user, At: now, Expires: now.Add(time.Hour)}, ev))
		return id
	}
	login := func(user string) string {
		ev, id := f.event(), ids.New()
		ev.Begins = &audit.Login{ID: id, User: user, Org: f.org, Kind: "password", At: now, Expires: now.Add(time.Hour)}
		must(t, f.Append(t.Context(), ev))
		return id
	}
	over := func(what string, id string, want bool) {
		t.Helper()
		if is, err := f.Revoked(t.Context(), id); err != nil || is != want {
			t.Errorf("%s: revoked %v, %v", what, is, err)
		}
	}
	s1, s2, s3 := login(ann), login(ann), login(ann)
	t1, t2, t3, t4 := take(ann, "session:"+s1), take(ann, "session:"+s2), take(ann, "session:"+s3), take(bob, "key:x")
	if l, err := f.Made(t.Context(), f.org, "session:"+s1, "session:"+s1+"!", now, func(*identity.Made) bool { return true }); err != nil || l.Total != 1 || l.List[0].Kind != "agent_token" || !l.List[0].Live {
		t.Errorf("made %+v, %v", l, err)
	}
	must(t, f.EndSession(t.Context(), f.org, ann, s1, false, now, f.event()))
	over("its login", t1, true)
	over("another login", t2, false)
	must(t, f.EndSessions(t.Context(), f.org, ann, s3, now, f.event()))
	over("all logins", t2, true)
	over("the login that is kept", t3, false)
	over("another's", t4, false)
	if all, err := f.Sessions(t.Context(), ann, true, now, 10); err != nil || len(all) != 3 {
		t.Errorf("sessions %+v, %v", all, err)
	}
	_, err := f.ChangeAgent(t.Context(), f.org, robot.ID, func(a *agent.Agent) error { a.KeyHash = ids.New(); return nil }, false, as(f.event(), bob))
	must(t, err)
	_, err = f.ChangeRole(t.Context(), f.org, ann, bob, policy.RoleMember, anybody, f.event())
	must(t, err)
	over("the role", t4, true)
	if a, err := f.Agent(t.Context(), f.org, robot.ID); err != nil || a.KeyHash != "" {
		t.Errorf("the key that a demoted admin gave: %+v, %v", a, err)
	}
}

func as(ev *audit.Event, user string) *audit.Event {
	ev.ActorKind, ev.ActorID, ev.With = "user", user, "key:y"
	return ev
}

// testThousands ends a key that made more than a transaction could end one by one: a chain of
// keys, thousands beside them, agents and policies.
func testThousands(t *testing.T, f *fixture) {
	const keys, chain, agents = 4000, 100, 300
	ann := addUser(t, f)
	first := identity.UserKey{ID: ids.New(), Org: f.org, User: ann, Name: "first", Hash: ids.New(), Prefix: "1ck_first", CreatedAt: moment}
	must(t, f.AddKey(t.Context(), first, f.event()))
	other := identity.UserKey{ID: ids.New(), Org: f.org, User: ann, Name: "other", Hash: ids.New(), Prefix: "1ck_other", CreatedAt: moment}
	must(t, f.AddKey(t.Context(), other, f.event()))
	for from := 1; from <= keys; from += 100 {
		must(t, f.Write(t.Context(), f.org, func(tx store.Tx) error {
			for i := from; i < from+100; i++ {
				with := "key:" + first.ID
				if i > 1 && i <= chain {
					with += strconv.Itoa(i - 1)
				}
				if err := dbkit.ExecIn(tx, `INSERT INTO user_keys (id, org_id, user_id, name, key_hash, key_prefix, scopes, created_at, made_with)
					SELECT $2, org_id, user_id, 'k', $2, key_prefix, scopes, created_at, $3 FROM user_keys WHERE id = $1`, first.ID, first.ID+strconv.Itoa(i), with); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	for i := range agents + 1 {
		a := agent.Agent{Name: "bot", AuthMethod: agent.MethodAPIKey}
		a.ID, a.Org, a.Creator, a.Active, a.TokenGen, a.CreatedAt, a.KeyHash = ids.New(), f.org, ann, true, 1, moment, ids.New()
		ev := f.event()
		if ev.With = "key:" + first.ID + strconv.Itoa(chain); i == agents {
			ev.With = "key:" + other.ID
		}
		must(t, f.AddAgent(t.Context(), a, ev))
	}
	must(t, f.RevokeKey(t.Context(), f.org, ann, first.ID, false, moment, f.event()))
	for what, want := range map[string]int{
		`user_keys WHERE revoked_at IS NULL`: 1, `agents WHERE is_active = 1`: 1,
	} {
		var n int
		dbkit.Scan(t, f.DB, `SELECT count(*) FROM `+what+` AND org_id = $1`, []any{f.org}, &n)
		if n != want {
			t.Errorf("%s: %d, want %d", what, n, want)
		}
	}
	events, err := f.Events(t.Context(), f.org, audit.Query{Limit: 1})
	must(t, err)
	if want := `"api_keys=` + strconv.Itoa(keys) + `,agents=` + strconv.Itoa(agents) + " "; !strings.Contains(string(events[0].DetailsJSON), want) {
		t.Errorf("the event says %.200s, want %s", events[0].DetailsJSON, want)
	}
}
