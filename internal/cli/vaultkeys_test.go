package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// jobShown is what the commands say of a job with --json.
type jobShown struct {
	ID, Status     string
	Processed      int
	TotalSecrets   int    `json:"total_secrets"`
	TotalVersions  int    `json:"total_versions"`
	OldFingerprint string `json:"old_fingerprint"`
	NewFingerprint string `json:"new_fingerprint"`
}

func jobOf(t *testing.T, out string) (j jobShown) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &j); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	return j
}

// A vault's life with a key of the client, on the real server.
func TestClientKeysOnTheRealServer(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	old, next := bytes.Repeat([]byte{0xa1}, 32), bytes.Repeat([]byte{0xfe}, 32)
	oldFile, newFile := s.file("old.key", base64.StdEncoding.EncodeToString(old)+"\n"), s.file("new.key", hex.EncodeToString(next))
	name := func(key []byte) string { return client.CMEKFingerprint(client.NewValue(bytes.Clone(key))) }
	seal := func(key []byte, text string) string {
		v, err := client.EncryptCMEK(client.NewValue(bytes.Clone(key)), client.ValueOf(text))
		if err != nil {
			t.Fatal(err)
		}
		return string(v.Reveal())
	}
	opens := func(key []byte, path, want string) {
		t.Helper()
		v, err := client.DecryptCMEK(client.NewValue(bytes.Clone(key)), client.ValueOf(s.ok("", "secret", "get", path)))
		if err != nil || string(v.Reveal()) != want {
			t.Errorf("%s opens as %q, %v", path, v.Reveal(), err)
		}
	}
	status := func(enabled, fingerprint string) {
		t.Helper()
		out := s.ok("", "vault", "cmek", "status", "main")
		if out != "enabled\t"+enabled+"\nfingerprint\t"+fingerprint+"\n" {
			t.Errorf("status: %q, want %s %s", out, enabled, fingerprint)
		}
	}

	status("no", "")
	s.fails(cli.ExitFailure, "vault", "cmek", "disable", "main")
	s.ok("", "vault", "cmek", "enable", "main", "--key-file", oldFile)
	s.ok(string(old), "vault", "cmek", "enable", "main", "--key-file", "-") // once more, from stdin
	status("yes", name(old))
	s.fails(cli.ExitFailure, "vault", "cmek", "enable", "main", "--key-file", newFile)
	s.ok(seal(old, "one"), "secret", "set", "a")
	s.ok(seal(old, "two"), "secret", "set", "b")

	s.fails(cli.ExitFailure, "vault", "cmek", "rotate", "main", "--old-key-file", newFile, "--new-key-file", oldFile)
	out := s.ok(hex.EncodeToString(next)+"\n", "vault", "cmek", "rotate", "main", "--old-key-file", oldFile, "--new-key-file", "-", "--wait", "--json")
	j := jobOf(t, out)
	if j.Status != "completed" || j.Processed != 2 || j.TotalSecrets != 2 || j.OldFingerprint != name(old) || j.NewFingerprint != name(next) {
		t.Errorf("rotated: %+v", j)
	}
	for _, key := range [][]byte{old, next} {
		if strings.Contains(out, base64.StdEncoding.EncodeToString(key)) || strings.Contains(out, hex.EncodeToString(key)) {
			t.Error("a key was printed")
		}
	}
	status("yes", name(next))
	opens(next, "a", "one")
	opens(next, "b", "two")
	if out := s.ok("", "vault", "cmek", "status", "main", j.ID); !strings.Contains(out, "status\tcompleted\n") || !strings.Contains(out, "done\t2 of 2\n") {
		t.Errorf("the job: %q", out)
	}
	s.fails(cli.ExitNotFound, "vault", "cmek", "status", "main", "00000000-0000-4000-8000-000000000000")

	// A value that is no ciphertext: the job fails, and so does the command.
	s.ok("not encrypted", "secret", "set", "c")
	r := s.run("", "vault", "cmek", "rotate", "main", "--old-key-file", newFile, "--new-key-file", oldFile, "--wait")
	if r.code != cli.ExitFailure || !strings.Contains(r.out, "status\tfailed\n") || !strings.Contains(r.err, "1 of 3 values") {
		t.Errorf("a rotation that could not do all: exit %d, %q, %q", r.code, r.out, r.err)
	}
	opens(old, "a", "one")

	s.ok("", "vault", "cmek", "disable", "main")
	status("no", "")
	opens(old, "b", "two") // stays as it is
}

func TestRekeyOnTheRealServer(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("v1", "secret", "set", "a")
	s.ok("v2", "secret", "set", "a")
	if j := jobOf(t, s.ok("", "vault", "rekey", "main", "--wait", "--json")); j.Status != "completed" || j.Processed != 2 || j.TotalVersions != 2 {
		t.Errorf("rekeyed: %+v", j)
	}
	if out := s.ok("", "vault", "rekey", "main", "--wait"); !strings.Contains(out, "status\tcompleted\n") || !strings.Contains(out, "done\t2 of 2\n") {
		t.Errorf("rekeyed: %q", out)
	}
	if got := s.ok("", "secret", "get", "a"); got != "v2" {
		t.Errorf("got %q", got)
	}
	if got := s.ok("", "secret", "get", "a", "--version", "1"); got != "v1" {
		t.Errorf("got %q", got)
	}
	s.fails(cli.ExitNotFound, "vault", "rekey", "none")
}

// What is no key never leaves the machine, and is not repeated.
func TestKeysThatAreNone(t *testing.T) {
	f, s := inMain(t)
	good := s.file("good", strings.Repeat("k", 32))
	before := len(f.log)
	for name, tc := range map[string]struct {
		stdin string
		args  []string
	}{
		"no file":                     {args: []string{"enable", "main"}},
		"a file that is not there":    {args: []string{"enable", "main", "--key-file", good + "x"}},
		"a key as an argument":        {args: []string{"enable", "main", strings.Repeat("k", 32)}},
		"nothing":                     {args: []string{"enable", "main", "--key-file", "-"}},
		"31 bytes":                    {stdin: strings.Repeat("z", 31), args: []string{"enable", "main", "--key-file", "-"}},
		"33 bytes in hexadecimal":     {stdin: strings.Repeat("7a", 33), args: []string{"enable", "main", "--key-file", "-"}},
		"16 bytes in base64":          {stdin: "enp6enp6enp6enp6enp6eg==", args: []string{"enable", "main", "--key-file", "-"}},
		"a passphrase":                {stdin: "zzzz correct horse battery", args: []string{"enable", "main", "--key-file", "-"}},
		"much more":                   {stdin: strings.Repeat("z", 1<<20), args: []string{"enable", "main", "--key-file", "-"}},
		"a rotation without a new":    {args: []string{"rotate", "main", "--old-key-file", good}},
		"a rotation without an old":   {args: []string{"rotate", "main", "--new-key-file", good}},
		"a rotation from stdin twice": {stdin: strings.Repeat("z", 32), args: []string{"rotate", "main", "--old-key-file", "-", "--new-key-file", "-"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.run(tc.stdin, append([]string{"vault", "cmek"}, tc.args...)...)
			if r.code != cli.ExitUsage && name != "a file that is not there" || r.code == 0 || strings.Count(r.err, "\n") != 1 {
				t.Errorf("exit %d: %q", r.code, r.err)
			}
			if strings.Contains(r.out+r.err, "zzzz") || strings.Contains(r.out+r.err, "kkkk") {
				t.Errorf("repeated: %q %q", r.out, r.err)
			}
		})
	}
	if len(f.log) != before {
		t.Errorf("asked the server: %v", f.log[before:])
	}
}
