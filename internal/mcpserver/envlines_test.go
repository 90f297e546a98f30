package mcpserver_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

const pemKey = "-----BEGIN PRIVATE KEY-----\nMIIabc/+\nMIIabcd==\n-----END PRIVATE KEY-----"

func TestBundleLines(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                        {"", `{}`},
		"a BOM":                          {"\ufeffA=1\n", `{"A":"1"}`},
		"a BOM before a comment":         {"\ufeff# x\r\nA=1\r\n", `{"A":"1"}`},
		"export":                         {"export A=1\nexport\tB=2\nexported=3\nexport=4", `{"A":"1","B":"2","exported":"3","export":"4"}`},
		"comments":                       {"# a=1\n  # b=2\nA=1 # c=3\nB='2' # d\nC=x#y\nD=\"#\"", `{"A":"1","B":"2","C":"x#y","D":"#"}`},
		"double quotes over lines":       {"A=\"one\nB=two\n# three\n\n\"\nC=1", `{"A":"one\nB=two\n# three\n\n","C":"1"}`},
		"single quotes over lines":       {"A='one\nB=\"two\"\\n'\nC=1", `{"A":"one\nB=\"two\"\\n","C":"1"}`},
		"a key in quotes":                {"A=\"" + pemKey + "\"\nC=1", `{"A":"` + strings.ReplaceAll(pemKey, "\n", `\n`) + `","C":"1"}`},
		"a key without quotes":           {"A=" + pemKey + "\nC=1", `{"A":"` + strings.ReplaceAll(pemKey, "\n", `\n`) + `","C":"1"}`},
		"an escaped quote at a line end": {"A=\"one\\\"\nB=2\"\nC=1", `{"A":"one\"\nB=2","C":"1"}`},
		"quotes within":                  {"A=it's\nB=\"x\" and \"y\"", `{"A":"it's","B":"\"x\" and \"y\""}`},
		"the last counts":                {"A=1\nA=\"2\n3\"", `{"A":"2\n3"}`},
		"names":                          {"_a.b-c9=1", `{"_a.b-c9":"1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, line, why := mcpserver.Bundle(c.text)
			var flat, want any
			if err := json.Unmarshal([]byte(got), &flat); err != nil || why != "" {
				t.Fatalf("%s: %v, line %d %s", got, err, line, why)
			}
			if err := json.Unmarshal([]byte(c.want), &want); err != nil || fmt.Sprint(flat) != fmt.Sprint(want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	for name, c := range map[string]struct {
		text string
		line int
	}{
		"no end of a double quote":      {"A=1\nB=\"2\nC=3\n", 2},
		"no end of a single quote":      {"A=1\n\nB='2\nC=3", 3},
		"an escaped last quote":         {"A=\"a\\\"", 1},
		"text behind the end":           {"A=\"one\ntwo\" three\nB=1", 1},
		"lines are counted in values":   {"A=\"\n\n\"\nB='", 4},
		"a name that is none":           {"A=1\nMII/ab+c==\n", 2},
		"a name that begins with digit": {"9a=1", 1},
		"a key without end":             {"A=-----BEGIN KEY-----\nabcd==\n", 1},
		"the end of a longer text":      {"A=abc\ndefg\nhijk==\n", 3},
	} {
		t.Run(name, func(t *testing.T) {
			if got, line, why := mcpserver.Bundle(c.text); line != c.line || why == "" {
				t.Errorf("line %d %q: %s", line, why, got)
			}
		})
	}
}

// TestABundleThatCanNotBeReadSaysWhere, and nothing of what it holds.
func TestABundleThatCanNotBeReadSaysWhere(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	a.put("env/bad", "env_bundle", "A=1\nB=\""+canary+"\nC=3\n")
	got := call(t.Context(), t, connect(t, a, ""), "get_env_bundle", `{"path":"env/bad"}`)
	if !strings.HasPrefix(got, "error: The secret at 'env/bad' can not be read as lines KEY=VALUE: in line 2 ") || strings.Contains(got, canary) {
		t.Errorf("got %s", got)
	}
}

// FuzzBundle writes variables as people may, and reads them back: each value is whole, and
// no part of one is a name.
func FuzzBundle(f *testing.F) {
	for _, s := range []string{"x", "a\nB=c", "'", `"`, `\`, pemKey, "\ufeff", "# c", "a # b", "\r\n", "export Z=1"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		valid := func(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "'", "") }
		double := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.ToValidUTF8(two, "?"))
		got, line, why := mcpserver.Bundle("\ufeffexport A='" + valid(one) + "'\nB=\"" + double + "\" # c\nC=1\n")
		var all map[string]string
		if err := json.Unmarshal([]byte(got), &all); err != nil || why != "" {
			t.Fatalf("%v, line %d %s", err, line, why)
		}
		if len(all) != 3 || all["A"] != valid(one) || all["B"] != strings.ToValidUTF8(two, "?") || all["C"] != "1" {
			t.Errorf("%q and %q became %q", one, two, all)
		}
		if _, line, why = mcpserver.Bundle(one); (line == 0) != (why == "") { // any text is read or refused
			t.Errorf("line %d, %q", line, why)
		}
	})
}
