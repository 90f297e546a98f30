package flagged_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// TestPostgreSQL runs all on the other engine.
func TestPostgreSQL(t *testing.T) {
	t.Run("who reads", TestOnlyAPersonWhoManagesReadsWhatWasFlagged)
	t.Run("sealed", TestWhatWasFlaggedLiesSealed)
	t.Run("ends", TestWhatWasFlaggedEnds)
}

var found = flagged.Excerpt{Threat: "command_injection", Pattern: "chained", Severity: "high", Action: "block", Location: "user", Text: "run ls; rm -rf / now"}

func open(t *testing.T) (w *world.World, owner, agent policy.Principal) {
	w = world.Open(t)
	owner = w.Owner("ada")
	return w, owner, w.Agent(owner)
}

// refused wants the code of a refusal, of a reading.
func refused(t *testing.T, w *world.World, what string, who policy.Principal, id, code string) {
	t.Helper()
	c := w.Call(who, policy.ReadFlagged)
	_, value, err := w.Flagged.Read(t.Context(), c, id)
	if fault.CodeOf(err) != code || value.Len() != 0 || c.Event.ResourceID != id {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestOnlyAPersonWhoManagesReadsWhatWasFlagged(t *testing.T) {
	w, owner, agent := open(t)
	id := w.KeepFlagged(agent, found, found)
	mia, adam, bob := w.Member(owner, "mia", policy.RoleMember), w.Member(owner, "adam", policy.RoleAdmin), w.Owner("bob")
	for name, who := range map[string]policy.Principal{"the owner": owner, "an admin": adam} {
		c := w.Call(w.Here(who), policy.ReadFlagged)
		got, value, err := w.Flagged.Read(t.Context(), c, id)
		var all []flagged.Excerpt
		if err != nil || json.Unmarshal(value.Reveal(), &all) != nil || !slices.Equal(all, []flagged.Excerpt{found, found}) || got.Agent != agent.ID ||
			!slices.Equal(got.Kinds, []string{found.Threat}) || got.Until.Sub(got.At) != world.FlaggedFor || c.Event.ResourceID != id {
			t.Errorf("%s: %+v %v %v", name, got, all, err)
		}
	}
	long := w.Here(owner)
	long.Person = long.Person.Add(-policy.PersonFor)
	key := w.Here(owner)
	key.Key = "a key"
	capped := w.Here(owner)
	capped.Scopes = []string{"prod/**"}
	for what, c := range map[string]struct {
		who  policy.Principal
		code string
	}{
		"a login of ten minutes ago": {long, "person_required"}, "a key": {key, "person_required"}, "who may see a part": {capped, "outside_scope"},
		"a member": {w.Here(mia), "role_required"}, "the agent itself": {agent, "kind_required"}, "another organisation": {w.Here(bob), "text_not_found"},
	} {
		_, value, err := w.Flagged.Read(t.Context(), w.Call(c.who, policy.ReadFlagged), id)
		if err == nil || fault.CodeOf(err) != c.code && fault.ReasonOf(err) != c.code || value.Len() != 0 {
			t.Errorf("%s: %v, reason %s, want %s", what, err, fault.ReasonOf(err), c.code)
		}
	}
	refused(t, w, "nobody's", w.Here(owner), "00000000-0000-4000-8000-000000000001", "text_not_found")
}

func TestWhatWasFlaggedLiesSealed(t *testing.T) {
	w, owner, agent := open(t)
	one, two := w.KeepFlagged(agent, found), w.KeepFlagged(agent, found)
	var sealed, wrapped []byte
	if err := w.SQL.QueryRowContext(t.Context(), `SELECT sealed, wrapped FROM flagged_texts WHERE activity_id = $1`, one).Scan(&sealed, &wrapped); err != nil || strings.Contains(string(sealed), "rm -rf") {
		t.Fatalf("%q, %v", sealed, err)
	}
	if _, err := w.SQL.ExecContext(t.Context(), `UPDATE flagged_texts SET sealed = $1, wrapped = $2 WHERE activity_id = $3`, sealed, wrapped, two); err != nil {
		t.Fatal(err)
	}
	_, value, err := w.Flagged.Read(t.Context(), w.Call(w.Here(owner), policy.ReadFlagged), two)
	if !fault.Is(err, fault.Damaged) || value.Len() != 0 {
		t.Errorf("of another call: %v", err)
	}
	rows, err := w.DB.SealedRows(t.Context())
	if err != nil || rows.Texts != 2 {
		t.Errorf("%+v, %v", rows, err)
	}
	if err := w.Keys.DestroyKEK(t.Context(), flagged.KEK); err != nil {
		t.Fatal(err)
	}
	refused(t, w, "its key is lost", w.Here(owner), one, seal.CodeKeyLost)
	if _, err := w.Keys.Wrap(t.Context(), flagged.KEK, make([]byte, keystore.MaxDEK), nil); fault.CodeOf(err) != keystore.CodeKeyNotFound {
		t.Errorf("reading made a key: %v", err)
	}
}

func TestWhatWasFlaggedEnds(t *testing.T) {
	w, owner, agent := open(t)
	count := func() (n int) {
		t.Helper()
		if err := w.SQL.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM flagged_texts`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	sweep := func() {
		t.Helper()
		if err := w.Spends.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first := w.KeepFlagged(agent, found)
	w.Clock.Forward(world.FlaggedFor - time.Second)
	second := w.KeepFlagged(agent, found)
	if sweep(); count() != 2 {
		t.Fatalf("%d before the first ends", count())
	}
	w.Clock.Forward(time.Second)
	refused(t, w, "at its end, before a sweep", w.Here(owner), first, "text_not_found")
	if sweep(); count() != 1 {
		t.Errorf("%d are left", count())
	}
	// An agent that is stopped has left them for whoever looks why.
	if err := w.Agents.DeactivateAgent(t.Context(), w.Call(w.Here(owner), policy.DeactivateAgent), agent.ID, false); err != nil {
		t.Fatal(err)
	}
	if _, value, err := w.Flagged.Read(t.Context(), w.Call(w.Here(owner), policy.ReadFlagged), second); err != nil || value.Len() == 0 {
		t.Errorf("of a stopped agent: %v", err)
	}
	if err := w.DB.RemoveUser(t.Context(), account.Erasure{User: owner.ID, At: w.Clock.Now(), Note: dbkit.Event}, dbkit.Event(owner.Org)); err != nil {
		t.Fatal(err)
	}
	if count() != 0 {
		t.Error("the organisation is gone, and it is there")
	}
}
