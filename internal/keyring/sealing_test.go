package keyring_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/house"
)

func TestASealingKeyThatIsLostIsNotMadeAnew(t *testing.T) {
	for name, pg := range map[string]bool{"SQLite": false, "PostgreSQL": true} {
		t.Run(name, func(t *testing.T) {
			h := house.New(t, pg)
			s := keyring.Sealing{Keys: h.Keys, Notes: h.DB}
			for _, k := range keyring.SealingKeys {
				if k.ID == "identity" { // a version before made it
					if err := h.Keys.CreateKEK(t.Context(), k.ID); err != nil {
						t.Fatal(err)
					}
				} else if err := s.CreateKEK(t.Context(), k.ID); err != nil {
					t.Fatal(err)
				}
			}
			if lost, err := s.Look(t.Context()); err != nil || len(lost) != 0 {
				t.Fatalf("all are there: %v, %v", lost, err)
			}
			for _, k := range keyring.SealingKeys {
				if err := s.CreateKEK(t.Context(), k.ID); !fault.Is(err, fault.Conflict) {
					t.Errorf("%s is there: %v", k.ID, err)
				}
				if err := h.Keys.DestroyKEK(t.Context(), k.ID); err != nil {
					t.Fatal(err)
				}
				if err := s.CreateKEK(t.Context(), k.ID); fault.CodeOf(err) != seal.CodeKeyLost {
					t.Errorf("%s is lost: %v", k.ID, err)
				}
			}
			if lost, err := s.Look(t.Context()); err != nil || len(lost) != len(keyring.SealingKeys) {
				t.Errorf("all are lost: %v, %v", lost, err)
			}
			if made, err := s.Renew(t.Context()); err != nil || len(made) != len(keyring.SealingKeys) {
				t.Errorf("renewed: %v, %v", made, err)
			}
			if lost, err := s.Look(t.Context()); err != nil || len(lost) != 0 {
				t.Errorf("all are renewed: %v, %v", lost, err)
			}
		})
	}
}
