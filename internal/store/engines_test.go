package store_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

func TestConformance(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, _ store.Config) {
		name := t.Name()[len("TestConformance/"):]
		runConformance(t, func(t *testing.T) *store.DB { return dbkit.Open(t, dbkit.Engines[name](t)) })
	})
}
