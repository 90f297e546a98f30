// Package envvar keeps environment variables as secrets of a vault, below env-vars/,
// and works out which of them hold for an environment and a branch.
//
// Its promise: a variable is a secret like any other. Who may set, see and read it is
// what the vault's policies say of its path; every value goes through the vault's door
// and leaves its own event.
package envvar

import (
	"regexp"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// All is the environment of variables that hold in every one.
const All = "all"

const (
	root   = "env-vars/"
	branch = "branch/"
)

// Place is where a variable holds. Its secret's path is
//
//	env-vars/ENVIRONMENT/KEY
//	env-vars/ENVIRONMENT/branch/BRANCH/KEY
//
// where every byte of the branch that is no letter, digit or dash is written as an
// underscore and two hexadecimal digits.
type Place struct{ Key, Environment, Branch string }

var (
	keys         = regexp.MustCompile(`^[A-Za-z_]([A-Za-z0-9_]{0,126}[A-Za-z0-9])?$`)
	environments = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

const maxBranch = 100

var (
	errKey = fault.New(fault.Invalid, "invalid_env_key",
		"key is the name of an environment variable: at most 128 letters, digits and underscores. It does not begin with a digit or end with an underscore, and is not the word \"resolve\".")
	errEnvironment = fault.New(fault.Invalid, "invalid_environment",
		"An environment is a name such as production: at most 63 small letters, digits and dashes, with no dash at its ends. all is every one.")
	errBranch = fault.New(fault.Invalid, "invalid_git_branch", "git_branch has at most 100 bytes, and no control characters.")
)

// Path returns the path of the variable's secret. An empty environment is All.
func (p Place) Path() (secretpath.Path, error) {
	if !keys.MatchString(p.Key) || p.Key == "_" || p.Key == "resolve" {
		return secretpath.Path{}, errKey
	}
	dir, err := p.dir()
	if err != nil {
		return secretpath.Path{}, err
	}
	return secretpath.Parse(dir + p.Key)
}

// dir is what the paths of all variables of an environment and branch begin with.
func (p Place) dir() (string, error) {
	if p.Environment == "" {
		p.Environment = All
	}
	if !environments.MatchString(p.Environment) {
		return "", errEnvironment
	}
	dir := root + p.Environment + "/"
	if p.Branch == "" {
		return dir, nil
	}
	if len(p.Branch) > maxBranch || strings.ContainsFunc(p.Branch, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errBranch
	}
	return dir + branch + escape(p.Branch) + "/", nil
}

// placeOf reads a path. ok is false for one that is no variable's.
func placeOf(path string) (p Place, ok bool) {
	rest, below := strings.CutPrefix(path, root)
	p.Environment, rest, ok = strings.Cut(rest, "/")
	if !below || !ok {
		return Place{}, false
	}
	p.Key = rest
	if of, found := strings.CutPrefix(rest, branch); found {
		var text string
		if text, p.Key, ok = strings.Cut(of, "/"); ok {
			p.Branch, ok = unescape(text)
		}
	}
	again, err := p.Path()
	return p, ok && err == nil && again.String() == path
}

const hex = "0123456789abcdef"

func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'_', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func unescape(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '_' {
			b.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		high, low := strings.IndexByte(hex, text[i+1]), strings.IndexByte(hex, text[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		b.WriteByte(byte(high<<4 | low))
		i += 2
	}
	return b.String(), true
}

func plain(c byte) bool {
	return c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
