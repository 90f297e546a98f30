package placekey_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/placekey"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// TestPostgreSQL runs all on the other engine.
func TestPostgreSQL(t *testing.T) {
	t.Run("nodes", TestAllNodesHaveOneKey)
	t.Run("requests", TestARequestIsTheSameFromEachNode)
	t.Run("at once", TestNodesThatMakeItAtOnceHaveOneKey)
	t.Run("away", TestWithoutItsKeyCallsGoOn)
	t.Run("renewed", TestAKeyThatNeverOpensAgainIsMadeAnew)
	t.Run("ends", TestTheKeyGoesWithItsOrganisation)
}

func count(t *testing.T, w *world.World) (n int) {
	t.Helper()
	if err := w.SQL.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM place_keys`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAllNodesHaveOneKey: another node is also this one after a restart, with nothing in memory.
func TestAllNodesHaveOneKey(t *testing.T) {
	w := world.Open(t)
	ada, bob := w.Owner("ada").Org, w.Owner("bob").Org
	first := w.Places.Of(t.Context(), ada)
	if first == (placekey.Key{}) || w.Places.Of(t.Context(), bob) == first {
		t.Error("two organisations have one key, or none")
	}
	other := w.OtherNode()
	if other.Places.Of(t.Context(), ada) != first || w.Places.Of(t.Context(), ada) != first || count(t, w) != 2 {
		t.Errorf("another key: %d are there", count(t, w))
	}
	var sealed []byte
	if err := w.SQL.QueryRowContext(t.Context(), `SELECT sealed FROM place_keys WHERE org_id = $1`, ada).Scan(&sealed); err != nil || strings.Contains(string(sealed), string(first[:])) {
		t.Errorf("it does not lie sealed: %v", err)
	}
}

func TestNodesThatMakeItAtOnceHaveOneKey(t *testing.T) {
	w := world.Open(t)
	org := w.Owner("ada").Org
	nodes := []*world.World{w, w.OtherNode(), w.OtherNode(), w.OtherNode()}
	got := make([]placekey.Key, len(nodes))
	world.AtOnce(len(nodes), func(i int) error {
		got[i] = nodes[i].Places.Of(t.Context(), org)
		return nil
	})
	for i := range got {
		if got[i] != got[0] {
			t.Errorf("node %d has another", i)
		}
	}
}

func TestWithoutItsKeyCallsGoOn(t *testing.T) {
	w := world.Open(t)
	org := w.Owner("ada").Org
	first := w.Places.Of(t.Context(), org)
	other := w.OtherNode()
	if err := w.Keys.DestroyKEK(t.Context(), placekey.KEK); err != nil {
		t.Fatal(err)
	}
	own := other.Places.Of(t.Context(), org)
	if own == first || own == (placekey.Key{}) || other.Places.Of(t.Context(), org) != own {
		t.Error("no key of its own, or one that changes")
	}
	if strings.Count(w.Log.String(), "placeholders") != 1 {
		t.Errorf("it is told each time, or never: %s", w.Log)
	}
	if w.Places.Of(t.Context(), org) != first {
		t.Error("who has the key in memory does not go on with it")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if w.OtherNode().Places.Of(gone, org) == (placekey.Key{}) {
		t.Error("no key for who has gone")
	}
}

func TestAKeyThatNeverOpensAgainIsMadeAnew(t *testing.T) {
	w := world.Open(t)
	org := w.Owner("ada").Org
	first := w.Places.Of(t.Context(), org)
	if err := w.Keys.DestroyKEK(t.Context(), placekey.KEK); err != nil {
		t.Fatal(err)
	}
	one := w.OtherNode()
	own := one.Places.Of(t.Context(), org)
	if err := w.Keys.CreateKEK(t.Context(), placekey.KEK); err != nil { // as oneclaw keys renew does
		t.Fatal(err)
	}
	second := w.OtherNode().Places.Of(t.Context(), org)
	if second == first || second == own || w.OtherNode().Places.Of(t.Context(), org) != second || count(t, w) != 1 {
		t.Error("the new key is not there for all")
	}
	if one.Places.Of(t.Context(), org) != own {
		t.Error("asked again at once")
	}
	w.Clock.Forward(11 * time.Second)
	if one.Places.Of(t.Context(), org) != second {
		t.Error("not asked again later")
	}
}

func TestTheKeyGoesWithItsOrganisation(t *testing.T) {
	w := world.Open(t)
	owner := w.Owner("ada")
	w.Places.Of(t.Context(), owner.Org)
	if err := w.DB.RemoveUser(t.Context(), account.Erasure{User: owner.ID, At: w.Clock.Now(), Note: dbkit.Event}, dbkit.Event(owner.Org)); err != nil {
		t.Fatal(err)
	}
	other := w.OtherNode()
	if other.Places.Of(t.Context(), owner.Org) == (placekey.Key{}) || count(t, w) != 0 {
		t.Error("it is there, or made again")
	}
}
