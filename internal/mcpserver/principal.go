package mcpserver

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// shortID is how many characters of an id name a thing.
const shortID = 8

// theOne returns the id of the one thing that ref means: by a name, else by the beginning of
// its id. Of several none is the one that was meant.
func theOne[T any](ref string, all []T, of func(T) (id string, names []string), none error) (string, error) {
	for _, means := range []func(id string, names []string) bool{
		func(_ string, names []string) bool {
			for _, n := range names {
				if n == ref || strings.Contains(ref, "@") && strings.EqualFold(n, ref) {
					return true
				}
			}
			return false
		},
		func(id string, _ []string) bool {
			return len(ref) >= shortID && strings.HasPrefix(id, strings.ToLower(ref))
		},
	} {
		found, meant := 0, ""
		for _, v := range all {
			if id, names := of(v); means(id, names) {
				found, meant = found+1, id
			}
		}
		switch found {
		case 0:
			continue
		case 1:
			return meant, nil
		}
		break
	}
	return "", none
}

// principal returns the id of a user or an agent. Agents see members, but no other agents, so
// an agent takes its whole id. argument is what the tool calls it.
func principal(ctx context.Context, c *client.Client, argument, kind, ref string) (string, error) {
	switch {
	case ids.Valid(ref):
		return ref, nil
	case kind != "user":
		return "", notice(argument + " must be the whole id of the agent, a UUID; ask a human for it.")
	}
	all, err := c.Members(ctx)
	if err != nil {
		return "", err
	}
	return theOne(ref, all, func(m client.Member) (string, []string) { return m.ID, []string{m.Email, m.DisplayName} },
		notice(argument+" must be the id, its beginning, the mail address, or the name that only one has, of a member of the organisation."))
}
