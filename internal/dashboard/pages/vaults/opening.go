package vaults

import (
	"net/http"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// opening is what a policy that is not stored yet opens.
type opening struct {
	Matching int // secrets that there are and match, of those that were looked at
	Bounded  bool
	Examples []opened
}

// opened is a path that the policy is about: what its principal may do now, and what the
// policy adds or takes.
type opened struct {
	Path       string
	Asked      bool // the server was asked about it
	Now        []string
	More, Less []string
	Gated      bool     // it is asked about each use
	Others     []string // who else reads or uses it now
}

// samples is how many of the paths are looked up one by one.
const samples = 5

// How many paths are looked at with one question, and in all, before a policy is stored.
const (
	walkedOnce = 5_000
	mostWalked = 20_000
)

// opens works out what the policy of a form is about. It matches the pattern as the server
// does, against the paths that the visitor may see, and asks the server who reaches the
// first of them now. Conditions are left to the server: what they rule out is said beside.
func opens(v *frame.Visit, f *policyForm) (*opening, error) {
	pattern, err := policy.Compile(f.Pattern)
	if err != nil {
		return nil, &client.Error{Status: http.StatusUnprocessableEntity, Code: "invalid_pattern", Detail: v.T("The pattern is not understood: * is anything within a segment, ** alone between slashes is any number of segments.")}
	}
	o := &opening{}
	prefix, _, _ := strings.Cut(f.Pattern, "*")
	prefix = strings.TrimSuffix(prefix, "/") // "a/**" matches "a", too
	var paths []string
	cursor := ""
	for walked := 0; ; {
		page, err := v.API.SecretsPage(v.R.Context(), f.ID, prefix, walkedOnce, cursor)
		if err != nil {
			return nil, err
		}
		for i := range page.Secrets {
			if pattern.Match(page.Secrets[i].Path) {
				if o.Matching++; len(paths) < fewPaths {
					paths = append(paths, page.Secrets[i].Path)
				}
			}
		}
		walked += len(page.Secrets)
		if cursor = page.NextCursor; cursor == "" || walked >= mostWalked {
			o.Bounded = cursor != ""
			break
		}
	}
	for i, p := range paths {
		one := opened{Path: p, Gated: f.Terms.Approval}
		if i < samples {
			if one, err = openedAt(v, f, p); err != nil {
				return nil, err
			}
		}
		o.Examples = append(o.Examples, one)
	}
	return o, nil
}

// openedAt compares what the principal may do with a path now with what the policy says.
func openedAt(v *frame.Visit, f *policyForm, path string) (opened, error) {
	o := opened{Path: path, Asked: true, Gated: f.Terms.Approval}
	who, err := v.API.WhoCan(v.R.Context(), f.ID, path, "")
	if err != nil {
		return o, err
	}
	now := map[string]client.Verdict{}
	for i, b := range who.Principals {
		if b.PrincipalType+":"+b.PrincipalID == f.Who {
			now = map[string]client.Verdict{"read": b.Read, "use": b.Use, "write": b.Write, "delete": b.Delete}
			who.Principals = slices.Delete(who.Principals, i, i+1)
			break
		}
	}
	o.Others = readersOf(who)
	for _, p := range []string{"read", "use", "write", "delete"} {
		d, gives := now[p], f.gives(p)
		if d.Allowed {
			o.Now = append(o.Now, p)
		}
		switch {
		case gives && !d.Allowed:
			o.More = append(o.More, p)
		case !gives && d.Allowed && f.Policy != nil && d.PolicyID == f.Policy.ID:
			o.Less = append(o.Less, p)
		}
	}
	return o, nil
}

// gives reports whether the form allows a use: read includes use, and write delete.
func (f *policyForm) gives(p string) bool {
	return f.Allows(p) || p == "use" && f.Allows("read") || p == "delete" && f.Allows("write")
}
