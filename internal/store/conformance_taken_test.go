package store_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
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
	if l, err := f.Made(t.Context(), f.org, "session:"+s1, "session:"+s1+"!", now); err != nil || len(l) != 1 || l[0].Kind != "agent_token" || !l[0].Live {
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
