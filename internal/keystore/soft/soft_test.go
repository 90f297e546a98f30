package soft_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/keystoretest"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestConformance(t *testing.T) {
	keystoretest.Run(t, func(t *testing.T) keystoretest.Env {
		dir := filepath.Join(t.TempDir(), "keys")
		elsewhere := dir + ".away"
		clk := world.NewClock()
		move := func(t *testing.T, from, to string) {
			t.Helper()
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
			clk.Forward(time.Second)
		}
		return keystoretest.Env{
			Provider: "soft",
			Open:     func(t *testing.T) keystore.KeyStore { return open(t, soft.Config{Dir: dir, Now: clk.Now}) },
			Away:     func(t *testing.T) { move(t, dir, elsewhere) },
			Back:     func(t *testing.T) { move(t, elsewhere, dir) },
		}
	})
}

func open(t testing.TB, cfg soft.Config) *soft.Store {
	t.Helper()
	s, err := soft.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
