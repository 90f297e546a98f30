package placekey_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// TestARequestIsTheSameFromEachNode: what goes to a provider is the same bytes from another node and after a
// restart, and what the answer repeats of it is put back there.
func TestARequestIsTheSameFromEachNode(t *testing.T) {
	w := world.Open(t)
	ada, bob := w.Owner("ada"), w.Owner("bob")
	agent, others := w.Agent(ada), w.Agent(bob)
	model, err := inject.New()
	if err != nil {
		t.Fatal(err)
	}
	config, err := shroud.Config(`{"enable_secret_redaction":false}`).Checked()
	if err != nil {
		t.Fatal(err)
	}
	says, err := config.Settings()
	if err != nil {
		t.Fatal(err)
	}
	sent := func(on *world.World, key byte, who policy.Principal) (string, *inspect.Session) {
		t.Helper()
		m := &inspect.Maker{Inject: model, Key: [32]byte{key}, Places: on.Places}
		s, err := m.For(t.Context(), on.Call(who, policy.CallModel), config, &says)
		if err != nil {
			t.Fatal(err)
		}
		r, err := convo.Chat{}.Request([]byte(`{"model":"m","messages":[{"role":"user","content":"Write to jane.doe@example.org today."}]}`), "")
		if err != nil {
			t.Fatal(err)
		}
		edits, err := s.Request(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(r.Rewrite(edits)), s
	}
	one, _ := sent(w, 1, agent)
	two, s := sent(w.OtherNode(), 2, agent)
	if strings.Contains(one, "jane.doe") || !strings.Contains(one, "[REDACTED:email#") || one != two {
		t.Errorf("%s\n%s", one, two)
	}
	if other, _ := sent(w, 1, others); other == one {
		t.Error("two organisations have one placeholder")
	}
	place := one[strings.Index(one, "[REDACTED:"):]
	place = place[:strings.IndexByte(place, ']')+1]
	a, err := convo.Chat{}.Answer([]byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"Wrote to ` + place + `."}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	edits, err := s.View(&a.View)
	if got := string(a.Rewrite(edits)); err != nil || !strings.Contains(got, "Wrote to jane.doe@example.org.") {
		t.Errorf("%s, %v", got, err)
	}
}
