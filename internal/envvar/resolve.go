package envvar

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Where a value comes from.
const (
	FromBranch      = "branch"
	FromEnvironment = "environment"
	FromAll         = "all"
)

// Resolved is one variable that holds.
type Resolved struct {
	Key, Source string
	Value       secret.Bytes
}

// Resolve returns the variables that hold in an environment, and on a branch when one is
// given, in order of their keys. Of several with one key the branch's goes before the
// environment's, and that before the one of all environments; of a branch, the
// environment's before all's. Each is read on the right to read its path, with an event
// of its own. A variable that the caller may not see is none; where it may see and not
// read one that holds, the whole is refused, since another value would be the wrong one.
// All are decided about, and the approvals that are lacking asked for together, before the
// first is read: a refusal spends neither reads nor approvals, unless something changes
// meanwhile. pay is asked with how many values there are, before that. Wipe the values.
func (s *Service) Resolve(ctx context.Context, c *call.Call, vaultID, environment, onBranch string, pay func(values int) error) (out []Resolved, err error) {
	levels := []struct {
		at     Place
		source string
	}{
		{Place{Environment: All}, FromAll}, {Place{Environment: environment}, FromEnvironment},
		{Place{Environment: All, Branch: onBranch}, FromBranch}, {Place{Environment: environment, Branch: onBranch}, FromBranch},
	}
	if onBranch == "" {
		levels = levels[:2]
	}
	type winner struct {
		at     Place
		source string
	}
	holds := map[string]winner{}
	for _, level := range levels {
		dir, err := level.at.dir()
		if err != nil {
			return nil, err
		}
		if err := s.below(ctx, c, vaultID, dir, func(at Place) bool {
			if level.source == FromEnvironment && at.Environment == All {
				holds[at.Key] = winner{at, FromAll}
			} else {
				holds[at.Key] = winner{at, level.source}
			}
			return len(holds) <= MaxResolved
		}); err != nil {
			return nil, err
		}
		if len(holds) > MaxResolved {
			return nil, errManyVars
		}
	}
	if err := pay(len(holds)); err != nil {
		return nil, err
	}
	keys := slices.Sorted(maps.Keys(holds))
	paths := make([]secretpath.Path, len(keys))
	for i, key := range keys {
		if paths[i], err = holds[key].at.Path(); err != nil {
			return nil, err
		}
	}
	if err := s.ready(ctx, c, vaultID, paths); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			Wipe(out)
			out = nil
		}
	}()
	err = each(c, paths, func(c *call.Call, p secretpath.Path) error {
		got, err := s.vault.Reveal(ctx, c, vaultID, p)
		if err == nil {
			key := keys[len(out)]
			out = append(out, Resolved{Key: key, Source: holds[key].source, Value: got.Value})
		}
		return err
	})
	return out, err
}

// ready returns nil when all of the paths can be read, and spends nothing. Where all could
// be once humans approve, it asks for every approval that is lacking, each with an event.
func (s *Service) ready(ctx context.Context, c *call.Call, vaultID string, paths []secretpath.Path) error {
	var waiting []secretpath.Path
	for _, p := range paths {
		waits, err := s.vault.Ready(ctx, c, vaultID, p)
		if err != nil {
			return err
		}
		if waits {
			waiting = append(waiting, p)
		}
	}
	var requests []string
	if err := each(c, waiting, func(c *call.Call, p secretpath.Path) error {
		err := s.vault.AskRead(ctx, c, vaultID, p)
		if id, ok := approval.Awaited(err); ok {
			requests = append(requests, id)
			return nil
		}
		return err
	}); err != nil {
		return err
	}
	if len(requests) == 0 {
		return nil
	}
	return approval.RequiredAll(requests)
}

// below feeds the variables right below a directory to more; those of its branches it
// passes over without reading them.
func (s *Service) below(ctx context.Context, c *call.Call, vaultID, dir string, more func(Place) bool) error {
	again := true
	for after := ""; again; {
		again = false
		l, err := s.vault.List(ctx, c, vaultID, dir, after, 0)
		if err != nil {
			return err
		}
		if err := collect(ctx, l, func(m *vault.Meta) bool {
			if strings.HasPrefix(m.Path, dir+branch) {
				after, again = dir+branch+"~", true // which no path has, and which comes after all that they have
				return false
			}
			at, ok := placeOf(m.Path)
			return !ok || more(at)
		}); err != nil {
			return err
		}
	}
	return nil
}

// Wipe wipes the values.
func Wipe(all []Resolved) {
	for i := range all {
		all[i].Value.Wipe()
	}
}
