package sqldb

import (
	"testing"
	"time"
)

// Under load the write-ahead log is long again at each look. Only readers that were in
// the way are a reason to leave it alone for a while: it would grow by hundreds of MiB.
func TestALogThatGrowsAgainIsRestartedAgain(t *testing.T) {
	t.Parallel()
	server, err := OpenBare(Config{Dir: t.TempDir()}, Parts{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	between := make(chan func(), 1)
	l, now := newWAL(server, server.keeper, func(f func()) bool { between <- f; return true }), time.Now()
	asked := func(after time.Duration) bool {
		l.look(t.Context(), now.Add(after), walRestartPages+1, walRestartPages)
		return l.asked
	}
	for i := range 5 {
		if !asked(0) {
			t.Fatalf("it is not restarted at look %d", i)
		}
		if len(between) != 1 || !asked(0) || len(between) != 1 {
			t.Fatal("it is asked for anew before it had its turn")
		}
		(<-between)()
	}
	<-l.ended
	l.ended <- true // readers were in the way of the last one
	if asked(0) {
		t.Error("it is restarted at once although readers were in the way")
	}
	if !asked(walCheckpointEvery) {
		t.Error("it is not restarted after a pause")
	}
}
