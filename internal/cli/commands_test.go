package cli_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// inMain is a shell of the owner with one vault.
func inMain(t *testing.T) (*fake, *shell) {
	t.Helper()
	f, s := loggedIn(t)
	s.ok("", "vault", "create", "main")
	return f, s
}

func TestValuesKeepTheirBytes(t *testing.T) {
	pem := "-----BEGIN X-----\nabc\n-----END X-----\n"
	for name, tc := range map[string]struct {
		stdin, file string
		args        []string
		want        string
	}{
		"piped without a line end":              {stdin: "abc", want: "abc"},
		"piped by echo":                         {stdin: "abc\n", want: "abc"},
		"piped with a Windows line end":         {stdin: "abc\r\n", want: "abc"},
		"piped and kept exactly":                {stdin: "abc\n", args: []string{"--exact"}, want: "abc\n"},
		"piped text of many lines":              {stdin: pem, want: pem},
		"spaces are part of it":                 {stdin: " a b\t", want: " a b\t"},
		"a file is taken as it is":              {file: "abc\n", want: "abc\n"},
		"quotes, angles and other scripts":      {stdin: `"<&>'\ ü 鍵 🔑`, want: `"<&>'\ ü 鍵 🔑`},
		"a line separator that JSON may escape": {stdin: "a\u2028b\x00c", want: "a\u2028b\x00c"},
		"stdin by its other name":               {stdin: "abc", args: []string{"--from-file", "-"}, want: "abc"},
	} {
		t.Run(name, func(t *testing.T) {
			_, s := inMain(t)
			args := append([]string{"secret", "set", "p"}, tc.args...)
			if tc.file != "" {
				args = append(args, "--from-file", s.file("value", tc.file))
			}
			s.ok(tc.stdin, args...)
			if got := s.ok("", "secret", "get", "p"); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			s.tty = "o"
			if got := s.ok("", "secret", "get", "p", "--quiet"); got != tc.want {
				t.Errorf("--quiet on a terminal: got %q, want %q", got, tc.want)
			}
			var j struct{ Value string }
			if err := json.Unmarshal([]byte(s.ok("", "secret", "get", "p", "--json")), &j); err != nil || j.Value != tc.want {
				t.Errorf("--json: got %q, %v, want %q", j.Value, err, tc.want)
			}
		})
	}
}

func TestValuesThatAreNotWritten(t *testing.T) {
	for name, tc := range map[string]struct {
		stdin string
		args  []string
		tty   string
		says  string
	}{
		"an empty value":                     {says: "empty"},
		"an empty line":                      {stdin: "\n", says: "empty"},
		"binary, which JSON can not carry":   {stdin: "\xff\xfe", says: "base64"},
		"more than the server takes":         {stdin: strings.Repeat("x", 5<<20+1), says: "5 MiB"},
		"a value as an argument":             {args: []string{"sk-123"}, says: "the value comes from the prompt"},
		"a value as a flag":                  {args: []string{"--value", "sk-123"}, says: "--value"},
		"a terminal where nobody can answer": {tty: "i", says: "--from-file"},
		"an expiry in the past":              {stdin: "v", args: []string{"--expires", "2020-01-01T00:00:00Z"}, says: "past"},
		"an expiry that is none":             {stdin: "v", args: []string{"--expires", "soon"}, says: "36h or 90d"},
		"metadata that is no object":         {stdin: "v", args: []string{"--metadata", "[1]"}, says: "JSON object"},
		"a negative number of reads":         {stdin: "v", args: []string{"--max-reads", "-1"}, says: "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			f, s := inMain(t)
			s.tty = tc.tty
			r := s.run(tc.stdin, append([]string{"secret", "set", "p"}, tc.args...)...)
			if r.code != cli.ExitUsage || !strings.Contains(r.err, tc.says) || strings.Contains(r.err, "Hunter2secret") || strings.Count(r.err, "\n") != 1 {
				t.Errorf("exit %d, stderr %q must say %q in one line", r.code, r.err, tc.says)
			}
			if len(f.secrets) != 0 {
				t.Errorf("written: %v", f.secrets)
			}
		})
	}
}

func TestAPersonTypesTheValue(t *testing.T) {
	_, s := inMain(t)
	s.tty, s.person.hidden = "ioe", "typed"
	r := s.run("", "secret", "set", "p")
	if r.code != 0 || strings.Contains(r.out+r.err, "typed") {
		t.Fatalf("exit %d: %q %q", r.code, r.out, r.err)
	}
	if got := s.ok("", "secret", "get", "p"); got != "typed\n" {
		t.Errorf("got %q", got)
	}
	if len(s.person.asked) != 1 || s.person.asked[0] != "Value of p" {
		t.Errorf("asked %q", s.person.asked)
	}
}

func TestDestructionIsAskedFor(t *testing.T) {
	for name, args := range map[string][]string{
		"vault delete":     {"vault", "delete", "main"},
		"secret delete":    {"secret", "delete", "p"},
		"secret purge":     {"secret", "purge", "p"},
		"agent rotate-key": {"agent", "rotate-key", "a"},
		"agent deactivate": {"agent", "deactivate", "a"},
		"policy delete":    {"policy", "delete", "ID"},
	} {
		t.Run(name, func(t *testing.T) {
			f, s := inMain(t)
			s.ok("v", "secret", "set", "p")
			s.ok("", "agent", "create", "a")
			s.ok("", "policy", "create", "--agent", "a", "--path", "**")
			if i := len(args) - 1; args[i] == "ID" {
				args[i], _, _ = strings.Cut(s.ok("", "policy", "list"), "\t")
			}
			changes := func() int {
				n := 0
				for _, l := range f.log {
					if strings.HasPrefix(l, "DELETE") && !strings.HasSuffix(l, "/v1/auth/token") || strings.HasSuffix(l, "rotate-key") {
						n++
					}
				}
				return n
			}
			if r := s.run("", args...); r.code != cli.ExitUsage || !strings.Contains(r.err, "--yes") || changes() != 0 {
				t.Errorf("in a pipe: exit %d, %q, %d changes", r.code, r.err, changes())
			}
			if r := s.run("", append(args, "--json")...); r.code != cli.ExitUsage || changes() != 0 {
				t.Errorf("as JSON: exit %d, %q, %d changes", r.code, r.err, changes())
			}
			s.tty = "ioe"
			if r := s.run("", args...); r.code != cli.ExitFailure || !strings.Contains(r.err, "nothing was changed") || changes() != 0 {
				t.Errorf("answered no: exit %d, %q, %d changes", r.code, r.err, changes())
			}
			s.person.confirm = true
			if r := s.run("", args...); r.code != 0 || changes() != 1 {
				t.Errorf("answered yes: exit %d, %q, %d changes", r.code, r.err, changes())
			}
			if len(s.person.asked) != 2 {
				t.Errorf("asked %q", s.person.asked)
			}
		})
	}
}

func TestWhichVault(t *testing.T) {
	f, s := inMain(t)
	s.ok("v", "secret", "set", "p")
	f.vaults = append(f.vaults, object{"id": "00000000-0000-4000-8000-000000000777", "name": "__agent-keys", "created_at": fakeMoment})
	s.ok("", "secret", "list") // the server's own vault does not count
	s.ok("", "vault", "create", "second")
	if r := s.run("", "secret", "list"); r.code != cli.ExitUsage || !strings.Contains(r.err, "There are 2 vaults: main, second. Name one with --vault") {
		t.Errorf("two vaults: exit %d, %q", r.code, r.err)
	}
	if out := s.ok("", "secret", "list", "--vault", "second"); out != "" {
		t.Errorf("by name: %q", out)
	}
	if out := s.ok("", "secret", "get", "p", "--vault", f.vaults[0]["id"].(string)); out != "v" {
		t.Errorf("by id: %q", out)
	}
	s.env["ONECLAW_VAULT_ID"] = "main"
	if out := s.ok("", "secret", "get", "p"); out != "v" {
		t.Errorf("by environment: %q", out)
	}
	if r := s.run("", "secret", "get", "p", "--vault", "third"); r.code != cli.ExitNotFound {
		t.Errorf("an unknown name: exit %d, %q", r.code, r.err)
	}
}

func TestAnAgentsNameThatIsTakenTwice(t *testing.T) {
	_, s := inMain(t)
	s.ok("", "agent", "create", "twin")
	s.ok("", "agent", "create", "twin")
	if r := s.run("", "agent", "get", "twin"); r.code != cli.ExitUsage || !strings.Contains(r.err, "id") {
		t.Errorf("exit %d, %q", r.code, r.err)
	}
	_, rest, _ := strings.Cut(s.ok("", "agent", "list"), "\t")
	id, _, _ := strings.Cut(rest, "\t")
	s.ok("", "agent", "deactivate", id, "--yes")
	if out := s.ok("", "agent", "get", "twin"); strings.Contains(out, id) || !strings.Contains(out, "active\tyes") {
		t.Errorf("the active one is meant: %q", out)
	}
}

func TestRotateSaysWhenItCreated(t *testing.T) {
	_, s := inMain(t)
	r := s.run("v", "secret", "rotate", "new")
	if r.code != 0 || !strings.Contains(r.err, "created") {
		t.Errorf("exit %d, %q", r.code, r.err)
	}
}

func TestWrongUsage(t *testing.T) {
	f, s := inMain(t)
	before := len(f.log)
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"an unknown command":           {[]string{"secrets"}, "`oneclaw secret`"},
		"an unknown subcommand":        {[]string{"secret", "gte", "p"}, "`oneclaw secret get`"},
		"an unknown flag":              {[]string{"vault", "list", "--colour"}, "--colour"},
		"an unknown flag, before JSON": {[]string{"vault", "list", "--colour", "--json"}, `"exit_code":2`},
		"a missing argument":           {[]string{"secret", "get"}, "Missing PATH. Usage: oneclaw secret get PATH"},
		"a path that leaves the vault": {[]string{"secret", "get", "../x", "--vault", "00000000-0000-4000-8000-000000000001"}, "path"},
		"nobody to grant to":           {[]string{"policy", "create", "--path", "**"}, "--agent"},
		"two to grant to":              {[]string{"policy", "create", "--path", "**", "--agent", "a", "--user", "b"}, "--agent"},
		"no pattern":                   {[]string{"policy", "create", "--agent", "a"}, "--path"},
		"half a window":                {[]string{"policy", "create", "--agent", "a", "--path", "**", "--after", "09:00"}, "--before"},
		"a time that is none":          {[]string{"audit", "list", "--since", "yesterday"}, "--since"},
		"a server without https":       {[]string{"vault", "list", "--api-url", "http://vault.example.com"}, "ssh -L"},
		"a type that there is not":     {[]string{"secret", "set", "p", "--type", "bogus"}, "--type takes generic, password, "},
		"a permission that is none":    {[]string{"policy", "create", "--path", "**", "--agent", "a", "--permissions", "red"}, "--permissions takes read, use, write, delete"},
		"a vault without a name":       {[]string{"vault", "create", ""}, "NAME must have 1 to 255 characters."},
		"an agent without a name":      {[]string{"agent", "create", ""}, "NAME must have 1 to 255 characters."},
		"a way in that is none":        {[]string{"agent", "create", "a", "--auth-method", "key"}, "--auth-method takes api_key, mtls or oidc_client_credentials."},
		"version 0":                    {[]string{"secret", "get", "p", "--version", "0"}, "--version takes the number of a version, from 1 on."},
		"a version below 0":            {[]string{"secret", "get", "p", "--version", "-1"}, "--version takes the number of a version, from 1 on."},
		"a letter left out":            {[]string{"secret", "lst"}, "`oneclaw secret list`?"},
		"no events":                    {[]string{"audit", "list", "--limit", "0"}, "--limit takes 1 to 1000."},
		"an empty passphrase file":     {[]string{"share", "create", "p", "--link", "--passphrase-file", ""}, "--passphrase-file has an empty value."},
		"an empty range":               {[]string{"share", "create", "p", "--link", "--ip", ""}, "--ip has an empty value."},
		"an empty end":                 {[]string{"share", "create", "p", "--link", "--expires="}, "--expires has an empty value."},
		"an empty end of a secret":     {[]string{"secret", "set", "p", "--expires", ""}, "--expires has an empty value."},
		"an empty window":              {[]string{"policy", "create", "--path", "**", "--agent", "a", "--after", "", "--before", ""}, " has an empty value."},
		"bound to an empty name":       {[]string{"agent", "create", "a", "--vault-ids", ""}, "--vault-ids has an empty value."},
		"capped by an empty path":      {[]string{"agent", "create", "a", "--scopes", "db/**,"}, "--scopes has an empty value."},
		"a password in an address":     {[]string{"vault", "list", "--api-url", "https://me:Hunter2secret@vault.example.com"}, "holds no name and no password"},
		"an empty vault":               {[]string{"secret", "get", "p", "--vault", ""}, "--vault has an empty value."},
		"a version that is no number":  {[]string{"secret", "get", "p", "--version", "abc"}, "--version takes a whole number."},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a server without https" {
				s.env["ONECLAW_TOKEN"] = "t"
				defer delete(s.env, "ONECLAW_TOKEN")
			}
			r := s.run("", tc.args...)
			if r.code != cli.ExitUsage || !strings.Contains(r.err, tc.says) || strings.Count(r.err, "\n") != 1 || r.out != "" {
				t.Errorf("exit %d, out %q, stderr %q must say %q in one line", r.code, r.out, r.err, tc.says)
			}
		})
	}
	if len(f.log) != before {
		t.Errorf("requests were made: %v", f.log[before:])
	}
}

func TestAServerThatIsAway(t *testing.T) {
	f, s := loggedIn(t)
	f.Close()
	r := s.run("", "vault", "list")
	if r.code != cli.ExitFailure || !strings.Contains(r.err, f.URL) || !strings.Contains(r.err, "Is the server running") {
		t.Errorf("exit %d, %q", r.code, r.err)
	}
	if r = s.run("", "logout"); r.code != 0 || !strings.Contains(r.err, "could not be told") {
		t.Errorf("logout: exit %d, %q", r.code, r.err)
	}
}

func TestTextFromTheServerDoesNotDriveTheTerminal(t *testing.T) {
	f, s := inMain(t)
	evil := "x\x1b]0;owned\a\x1b[2J\u202e\r\n\tend"
	f.vaults[0]["name"], f.vaults[0]["description"] = evil, evil
	s.ok(evil, "secret", "set", "p", "--vault", f.vaults[0]["id"].(string))
	for _, tty := range []string{"", "ioe"} {
		s.tty = tty
		s.env["NO_COLOR"] = "1"
		for _, args := range [][]string{{"vault", "list"}, {"vault", "get", f.vaults[0]["id"].(string)}, {"vault", "list", "--json"}} {
			if out := s.ok("", args...); strings.ContainsAny(out, "\x1b\a\r") || strings.Contains(out, "\u202e") && args[len(args)-1] != "--json" {
				t.Errorf("tty %q, %v: %q", tty, args, out)
			}
		}
	}
	if out := s.ok("", "secret", "get", "p"); strings.ContainsAny(out, "\x1b\a\r") || !strings.Contains(out, "\n\tend") {
		t.Errorf("a value on a terminal: %q", out)
	}
}

func TestAuditVerify(t *testing.T) {
	f, s := loggedIn(t)
	f.broken = true
	r := s.run("", "audit", "verify")
	if r.code != cli.ExitFailure || !strings.Contains(r.out, "first_bad_event\te4") ||
		r.err != "oneclaw: The audit log is not whole: the first bad event is e4 (number 4). Altered.\n" {
		t.Errorf("exit %d, %q, %q", r.code, r.out, r.err)
	}
	export := s.ok("", "audit", "export")
	if export != "{\"seq\":1}\n{\"seq\":2}\n" {
		t.Errorf("export = %q", export)
	}

	// Offline: no server, no login.
	off := newShell(t, "")
	var gotKey string
	off.verify = func(r io.Reader, key string) (client.AuditReport, error) {
		gotKey = key
		b, err := io.ReadAll(r)
		return client.AuditReport{OK: string(b) == export, Events: 2}, err
	}
	file := off.file("export.jsonl", export)
	off.ok("", "audit", "verify", "--file", file, "--public-key", "KEY")
	if gotKey != "KEY" {
		t.Errorf("key = %q", gotKey)
	}
	off.ok(export, "audit", "verify", "--file", "-", "--public-key", "@"+off.file("key", "FROM FILE\n"))
	if gotKey != "FROM FILE" {
		t.Errorf("key = %q", gotKey)
	}
	off.ok("", "audit", "verify", "--file", file, "--public-key", "KEY", "--public-key", "@"+off.file("key", "FROM FILE\n"))
	if gotKey != "KEY\nFROM FILE" {
		t.Errorf("two keys = %q", gotKey)
	}
	if r := off.run("tampered", "audit", "verify", "--file", "-", "--public-key", "KEY"); r.code != cli.ExitFailure {
		t.Errorf("an altered export: exit %d", r.code)
	}
	for _, args := range [][]string{{"--file", file}, {"--public-key", "KEY"}, {"--file", "/nowhere", "--public-key", "KEY"}} {
		if r := off.run("", append([]string{"audit", "verify"}, args...)...); r.code != cli.ExitUsage {
			t.Errorf("%v: exit %d, %q", args, r.code, r.err)
		}
	}
	off.verify = func(io.Reader, string) (client.AuditReport, error) {
		return client.AuditReport{FirstBadSeq: 7, Problem: "not signed by a known key", UnknownKey: "audit:2"}, nil
	}
	if r := off.run("", "audit", "verify", "--file", file, "--public-key", "KEY"); r.code != cli.ExitFailure || !strings.Contains(r.err, "audit:2") || !strings.Contains(r.err, "oneclaw keys rotate audit") {
		t.Errorf("a key that was rotated: exit %d, %q", r.code, r.err)
	}
	off.verify = func(io.Reader, string) (client.AuditReport, error) {
		return client.AuditReport{}, errors.New("line 3 is no event")
	}
	if r := off.run("", "audit", "verify", "--file", file, "--public-key", "KEY"); r.code != cli.ExitFailure || !strings.Contains(r.err, "line 3") {
		t.Errorf("exit %d, %q", r.code, r.err)
	}
}

func TestInterrupted(t *testing.T) {
	f, _ := loggedIn(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs strings.Builder
	root := cli.New(cli.Deps{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &errs, Getenv: func(k string) string {
		return map[string]string{"ONECLAW_BASE_URL": f.URL, "ONECLAW_TOKEN": "t", "HOME": t.TempDir()}[k]
	}})
	if code := cli.Execute(ctx, root, []string{"vault", "list"}); code != cli.ExitFailure || errs.String() != "oneclaw: Interrupted.\n" {
		t.Errorf("exit %d, %q", code, errs.String())
	}
}

func TestRotateKeepsWhatWasThere(t *testing.T) {
	const ends = "2027-01-30T10:00:00Z" // 90 days on
	for name, tc := range map[string]struct {
		args     []string
		later    time.Duration
		metadata string
		expires  string
		says     string
	}{
		"all of it":                 {metadata: `{"team":"a"}`, expires: ends, says: `Kept type api_key, metadata {"team":"a"}, expiry 2027-01-30 10:00 UTC.`},
		"not an expiry that passed": {later: 91 * 24 * time.Hour, metadata: `{"team":"a"}`, expires: "null"},
		"not what a flag replaces":  {args: []string{"--metadata", `{"b":1}`, "--expires", "1d"}, metadata: `{"b":1}`, expires: "2026-11-02T10:00:00Z", says: "Kept type api_key."},
		"not what a flag takes":     {args: []string{"--metadata", "{}", "--expires", "never"}, metadata: `{}`, expires: "null"},
	} {
		t.Run(name, func(t *testing.T) {
			f, s := inMain(t)
			s.ok("1", "secret", "set", "p", "--type", "api_key", "--metadata", `{"team":"a"}`, "--expires", "90d")
			s.now = s.now.Add(tc.later)
			s.env["ONECLAW_TOKEN"] = "person"
			f.tokens["person"] = "user"
			s.tty = "oe"
			r := s.run("2", append([]string{"secret", "rotate", "p", "--max-reads", "3"}, tc.args...)...)
			if r.code != 0 || !strings.Contains(r.err, tc.says) {
				t.Errorf("exit %d, %q must say %q", r.code, r.err, tc.says)
			}
			last := f.secrets[f.vaults[0]["id"].(string)+"/p"][1]
			metadata, _ := json.Marshal(last["metadata"])
			expires, _ := json.Marshal(last["expires_at"])
			if last["type"] != "api_key" || string(metadata) != tc.metadata || strings.Trim(string(expires), `"`) != tc.expires {
				t.Errorf("type %v, metadata %s, expires %s", last["type"], metadata, expires)
			}
		})
	}
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	_, s := inMain(t)
	s.ok("v", "secret", "set", "p")
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a version of a secret":        {[]string{"secret", "get", "p", "--version", "9"}, cli.ExitNotFound, "The secret has no version 9. See `oneclaw secret versions p`."},
		"a version of no secret":       {[]string{"secret", "get", "q", "--version", "9"}, cli.ExitNotFound, "nothing here"},
		"a deletion to take back":      {[]string{"secret", "restore", "p"}, cli.ExitFailure, "The secret is not deleted"},
		"a secret to bring back":       {[]string{"secret", "restore", "q"}, cli.ExitNotFound, "nothing here"},
		"a password, in an empty pipe": {[]string{"login", "--email", ownerMail}, cli.ExitUsage, "The password is empty."},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.run("", tc.args...)
			if r.code != tc.code || !strings.Contains(r.err, tc.says) || strings.Contains(r.err, "written") {
				t.Errorf("exit %d, %q must say %q", r.code, r.err, tc.says)
			}
		})
	}
}

func TestTheAddressOfTheAPIIsAServersToo(t *testing.T) {
	f, s := loggedIn(t)
	for _, end := range []string{"", "/", "/v1", "/v1/"} {
		s.ok("", "vault", "list", "--api-url", f.URL+end)
	}
}

func TestListsFitTheTerminal(t *testing.T) {
	f, s := inMain(t)
	long := strings.Repeat("segment/", 20) + "end"
	s.ok("v", "secret", "set", long, "--type", "private_key", "--expires", "90d")
	name := strings.Repeat("鍵", 40)
	s.ok("", "agent", "create", name)
	s.ok("", "policy", "create", "--agent", name, "--path", long+"/*", "--ip", "10.0.0.0/8", "--permissions", "read,write,delete", "--expires", "90d")
	id := f.policies[f.vaults[0]["id"].(string)][0]["id"].(string)
	s.tty = "oe"
	s.env["NO_COLOR"] = "1"
	for _, args := range [][]string{{"vault", "list"}, {"secret", "list"}, {"secret", "versions", long}, {"agent", "list"}, {"policy", "list"}, {"audit", "list"}} {
		for line := range strings.Lines(s.ok("", args...)) {
			if w := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) + strings.Count(line, "鍵"); w > 80 { // a 鍵 takes two columns
				t.Errorf("%v: %d columns: %q", args, w, line)
			}
		}
	}
	for _, s.width = range []int{60, 80} {
		out := s.ok("", "secret", "list")
		var path strings.Builder
		for _, line := range strings.Split(out, "\n")[1:] {
			part, _, _ := strings.Cut(line, " ")
			path.WriteString(part)
		}
		if path.String() != long {
			t.Errorf("at %d columns the path is not whole: %q", s.width, out)
		}
	}
	if out := s.ok("", "secret", "list", "--wide"); !strings.Contains(out, long) {
		t.Errorf("--wide cuts: %q", out)
	}
	s.width = 0 // not known
	if out := s.ok("", "secret", "list"); !strings.Contains(out, long) {
		t.Errorf("cut to an unknown width: %q", out)
	}
	s.tty = ""
	s.width = 80
	if out := s.ok("", "secret", "list"); !strings.Contains(out, long) {
		t.Errorf("cut in a pipe: %q", out)
	}
	if r := s.run("", "policy", "delete", "99999999", "--yes"); r.code != cli.ExitNotFound {
		t.Errorf("a start of no id: exit %d, %q", r.code, r.err)
	}
	if out := s.ok("", "policy", "delete", id[:35], "--yes", "--json"); !strings.Contains(out, id) {
		t.Errorf("the start of an id: %q", out)
	}
}

func TestAnAgentIsAskedAsAnAgent(t *testing.T) {
	f, s := inMain(t)
	id := strings.Split(s.ok("", "agent", "create", "bot"), "\n")[1]
	id = strings.TrimPrefix(id, "id\t")
	jwt := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig"
	}
	f.tokens[jwt(`{"sub":"agent:`+id+`"}`)], f.tokens[jwt(`{"sub":"user:1"}`)], f.tokens[jwt(`{}`)] = id, "user", id
	for credential, want := range map[string]string{
		"ocv_" + id:                       "GET /v1/agents/me",
		jwt(`{"sub":"agent:` + id + `"}`): "GET /v1/agents/me",
		jwt(`{"sub":"user:1"}`):           "GET /v1/auth/me",
		jwt(`{}`):                         "GET /v1/auth/me GET /v1/agents/me", // nothing to tell by
	} {
		s.env["ONECLAW_TOKEN"] = credential
		before := len(f.log)
		s.ok("", "whoami")
		if got := strings.Join(f.log[before:], " "); got != want {
			t.Errorf("%s: asked %q, want %q", credential, got, want)
		}
	}
}

func TestTheHelpOfCommandsThatCallNoServer(t *testing.T) {
	help := func(name string) string {
		var out strings.Builder
		root := cli.New(cli.Deps{Stdin: strings.NewReader(""), Stdout: &out, Stderr: io.Discard, Version: "1.2"})
		root.AddCommand(&cobra.Command{Use: "serve", RunE: func(*cobra.Command, []string) error { return nil }})
		if code := cli.Execute(t.Context(), root, []string{name, "--help"}); code != 0 {
			t.Fatalf("%s: exit %d", name, code)
		}
		return out.String()
	}
	if out := help("serve"); strings.Contains(out, "--api-url") || strings.Contains(out, "--json") {
		t.Errorf("serve: %s", out)
	}
	if out := help("whoami"); !strings.Contains(out, "--api-url") {
		t.Errorf("whoami: %s", out)
	}
}

func TestACommandThatCallsNoServerTakesNoAddressOfOne(t *testing.T) {
	for _, flag := range []string{"--api-url=https://vault.example.com", "--vault=main"} {
		var errs strings.Builder
		root := cli.New(cli.Deps{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &errs, Version: "1.2"})
		root.AddCommand(&cobra.Command{Use: "mcp", RunE: func(*cobra.Command, []string) error { t.Error("it runs"); return nil }})
		if code := cli.Execute(t.Context(), root, []string{"mcp", flag}); code != cli.ExitUsage || !strings.Contains(errs.String(), "does not take --") {
			t.Errorf("%s: exit %d, %s", flag, code, errs.String())
		}
	}
}

func TestVersion(t *testing.T) {
	s := newShell(t, "")
	if out := s.ok("", "version"); out != "oneclaw version test\n" {
		t.Errorf("got %q", out)
	}
}
