package commit_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

func TestAThousandEventsAreTold(t *testing.T) {
	db, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	told := func() bool {
		select {
		case <-db.Grown():
			return true
		default:
			return false
		}
	}
	org := ids.New()
	for n := 1; n <= 2000; n++ {
		ev := &audit.Event{ID: ids.New(), Org: org, At: time.UnixMicro(int64(n)), Action: "secret.read"}
		if err := db.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
		if got := told(); got != (n%1000 == 0) {
			t.Fatalf("told after %d events: %v", n, got)
		}
	}
}
