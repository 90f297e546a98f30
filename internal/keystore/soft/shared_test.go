package soft_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// Two stores on one folder stand for two processes: they share nothing else.
func pair(t *testing.T) (a, b *soft.Store, clk *world.Clock, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	clk = world.NewClock()
	cfg := soft.Config{Dir: dir, Now: clk.Now}
	return open(t, cfg), open(t, cfg), clk, dir
}

func TestAKeyMadeByAnotherProcessIsFoundAtOnce(t *testing.T) {
	a, b, _, _ := pair(t)
	if _, err := b.Wrap(t.Context(), kek, make([]byte, 32), nil); fault.CodeOf(err) != keystore.CodeKeyNotFound {
		t.Fatalf("before: %v", err)
	}
	must(t, a.CreateKEK(t.Context(), kek))
	w, err := b.Wrap(t.Context(), kek, make([]byte, 32), nil)
	must(t, err)
	_, err = a.Unwrap(t.Context(), kek, w, nil)
	must(t, err)
	if err := b.CreateKEK(t.Context(), kek); fault.CodeOf(err) != keystore.CodeKeyExists {
		t.Fatalf("made twice: %v", err)
	}
}

func TestAKeyDestroyedByAnotherProcessIsDeadWithinASecond(t *testing.T) {
	a, b, clk, _ := pair(t)
	must(t, a.CreateKEK(t.Context(), kek))
	w, err := b.Wrap(t.Context(), kek, make([]byte, 32), nil)
	must(t, err)
	must(t, a.DestroyKEK(t.Context(), kek))
	clk.Forward(time.Second)
	if _, err := b.Unwrap(t.Context(), kek, w, nil); fault.CodeOf(err) != keystore.CodeKeyNotFound {
		t.Fatalf("after a second: %v", err)
	}
}

func TestAKeyMadeAnewByAnotherProcessIsTheNewOne(t *testing.T) {
	a, b, clk, _ := pair(t)
	must(t, a.CreateKEK(t.Context(), kek))
	w, err := b.Wrap(t.Context(), kek, make([]byte, 32), nil)
	must(t, err)
	must(t, a.DestroyKEK(t.Context(), kek))
	must(t, a.CreateKEK(t.Context(), kek))
	clk.Forward(time.Second)
	if _, err := b.Unwrap(t.Context(), kek, w, nil); fault.CodeOf(err) != keystore.CodeUnwrapFailed {
		t.Fatalf("under the new key: %v", err)
	}
}

func TestAClockThatRunsBackDoesNotKeepADestroyedKey(t *testing.T) {
	a, b, clk, _ := pair(t)
	must(t, a.CreateKEK(t.Context(), kek))
	w, err := b.Wrap(t.Context(), kek, make([]byte, 32), nil)
	must(t, err)
	must(t, a.DestroyKEK(t.Context(), kek))
	clk.Forward(-time.Hour)
	if _, err := b.Unwrap(t.Context(), kek, w, nil); fault.CodeOf(err) != keystore.CodeKeyNotFound {
		t.Fatalf("got %v", err)
	}
}

func TestADestroyedKeyIsZeroedUnderEveryName(t *testing.T) {
	a, _, _, dir := pair(t)
	must(t, a.CreateKEK(t.Context(), kek))
	names, err := filepath.Glob(filepath.Join(dir, "kek-*"))
	must(t, err)
	if len(names) != 1 {
		t.Fatalf("%d key files", len(names))
	}
	second := filepath.Join(dir, ".left-by-a-crash")
	must(t, os.Link(names[0], second))
	must(t, a.DestroyKEK(t.Context(), kek))
	content, err := os.ReadFile(second)
	must(t, err)
	if strings.Trim(string(content), "\x00") != "" {
		t.Fatal("the key lives on under its second name")
	}
}

// A crash between zeroing and unlinking leaves a file of zeros.
func TestAHalfDestroyedKeyIsGone(t *testing.T) {
	a, _, _, dir := pair(t)
	must(t, a.CreateKEK(t.Context(), kek))
	names, err := filepath.Glob(filepath.Join(dir, "kek-*"))
	must(t, err)
	must(t, os.WriteFile(names[0], make([]byte, 61), 0o600))
	if _, err := a.Wrap(t.Context(), kek, make([]byte, 32), nil); fault.CodeOf(err) != keystore.CodeKeyNotFound {
		t.Fatalf("got %v", err)
	}
	must(t, a.DestroyKEK(t.Context(), kek))
	must(t, a.CreateKEK(t.Context(), kek))
}

func TestAnotherFolderInThePlaceOfOursGetsNoKeys(t *testing.T) {
	a, _, _, dir := pair(t)
	must(t, os.Rename(dir, dir+".away"))
	open(t, soft.Config{Dir: dir})
	if a.Health(t.Context()).Connected {
		t.Fatal("a foreign folder was taken for ours")
	}
	if err := a.CreateKEK(t.Context(), kek); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
}
