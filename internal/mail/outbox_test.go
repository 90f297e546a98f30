package mail_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

// files are the names in dir, sorted.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestTheOutboxHasTheMail(t *testing.T) {
	dir, at := filepath.Join(t.TempDir(), "outbox"), newClock()
	box, err := mail.NewOutbox(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := open(t, setup{dir: ready.Dir(t), sender: box, now: at.Now})
	n.verify(t)
	n.DeliverDue(t.Context())
	n.empty(t)
	names := files(t, dir)
	if len(names) != 1 || !strings.HasPrefix(names[0], "20260803T093000.000000Z-") || filepath.Ext(names[0]) != ".eml" {
		t.Fatalf("files: %q", names)
	}
	file := filepath.Join(dir, names[0])
	for path, want := range map[string]os.FileMode{file: 0o600, dir: os.ModeDir | 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	checkMail(t, received{helo: "vault.example.com", from: "oneclaw@vault.example.com", to: []string{to}, raw: raw}, at.Now())
	if !strings.Contains(string(raw), "\r\n"+token+"\r\n") {
		t.Error("the token can't be read from the file as it is")
	}
}

func TestTheOutboxIsBounded(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"keep.txt", ".new-left-by-a-crash"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	box, err := mail.NewOutbox(dir, 3)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("others may look into the outbox: %v, %v", info.Mode(), err)
	}
	at := newClock()
	for _, i := range []int{1, 2, 4, 3, 5, 5} { // the last one is tried twice
		m := mail.Message{ID: "m" + strconv.Itoa(i), From: from, To: to, Subject: "s", Date: at.Now().Add(time.Duration(i) * time.Hour)}
		if err := box.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, name := range files(t, dir) {
		got = append(got, name[strings.Index(name, "-")+1:])
	}
	if s := strings.Join(got, " "); s != "m3.eml m4.eml m5.eml keep.txt" {
		t.Fatalf("left: %q", s)
	}
}

func TestOutboxConfiguration(t *testing.T) {
	_, err := mail.NewOutbox("", 0)
	wants(t, err, "invalid_outbox")
	_, err = mail.NewOutbox(t.TempDir(), -1)
	wants(t, err, "invalid_outbox")
	if _, err := mail.NewOutbox(os.DevNull, 0); err == nil {
		t.Fatal("a file can't be an outbox")
	}
}
