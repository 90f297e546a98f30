package cli

import (
	"fmt"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// candidate is one of the things that a word of the command line may mean.
type candidate struct {
	id    string
	also  string   // another id that means it
	names []string // what people call it
	note  string   // tells it from others of its name
	ended bool     // meant only where nothing that still works is
}

// kind is what the things of a listing are to people.
type kind struct {
	many, list string
	none       error // there is no such thing
}

func newKind(one, many, code, list string) kind {
	return kind{many, list, fault.New(fault.NotFound, code, "There is no "+one+" of this name or id. See "+console.Quote(list)+".")}
}

// The kinds that commands take by name or by the beginning of an id, as their tables
// show them.
var (
	kindVault        = newKind("vault", "vaults", "vault_not_found", "oneclaw vault list")
	kindAgent        = newKind("agent", "agents", "agent_not_found", "oneclaw agent list")
	kindPolicy       = newKind("policy", "policies", "policy_not_found", "oneclaw policy list")
	kindMember       = newKind("member", "members", "member_not_found", "oneclaw org members")
	kindOrg          = newKind("organisation of yours", "of your organisations", "org_not_found", "oneclaw org list")
	kindOrgOfAll     = newKind("organisation", "organisations", "org_not_found", "oneclaw admin users")
	kindInvitation   = newKind("invitation", "invitations", "invitation_not_found", "oneclaw org invitations")
	kindIPRule       = newKind("rule", "rules", "ip_rule_not_found", "oneclaw ip-rule list")
	kindShare        = newKind("share", "shares", "share_not_found", "oneclaw share list")
	kindInbound      = newKind("share for you", "shares for you", "share_not_found", "oneclaw share list --inbound")
	kindApproval     = newKind("request", "requests", "approval_not_found", "oneclaw approval list")
	kindWanted       = newKind("request", "requests", "secret_request_not_found", "oneclaw wanted list")
	kindSession      = newKind("session", "sessions", "session_not_found", "oneclaw sessions list")
	kindAPIKey       = newKind("key", "keys", "api_key_not_found", "oneclaw key list")
	kindRouterKey    = newKind("key", "keys", "router_key_not_found", "oneclaw shroud key list")
	kindAgentBinding = newKind("binding", "bindings", "agent_binding_not_found", "oneclaw agent bindings list")
	kindEnrollment   = newKind("request", "requests", "enrollment_not_found", "oneclaw agent requests")
	kindWebhook      = newKind("webhook", "webhooks", "webhook_not_found", "oneclaw webhook list")
	kindActor        = kind{"agents and members", "oneclaw agent list", fault.New(fault.NotFound, "actor_not_found",
		"There is no agent or member of this name. See `oneclaw agent list` and `oneclaw org members`; who is gone is found by the whole id.")}
	kindChain = newKind("chain", "chains", "chain_not_found", "oneclaw chain list")
)

// pick returns the id of the one thing that ref means: the thing of that id, of that
// name, or whose id begins so, or ends so where all begin alike, in this order. What has ended is meant only where nothing
// else is. Several are refused with what tells them apart.
func (k kind) pick(ref string, all []candidate) (string, error) {
	for _, means := range []func(candidate) bool{
		func(c candidate) bool { return c.id == ref || c.also == ref },
		func(c candidate) bool { return !c.ended && c.called(ref) },
		func(c candidate) bool { return c.called(ref) },
		func(c candidate) bool {
			part := strings.ToLower(ref)
			return beginsID(ref) && (strings.HasPrefix(c.id, part) || strings.HasPrefix(c.also, part) || console.BeginsWithTime(c.id) && strings.HasSuffix(c.id, part))
		},
	} {
		var found []candidate
		for _, c := range all {
			if means(c) {
				found = append(found, c)
			}
		}
		switch len(found) {
		case 0:
			continue
		case 1:
			return found[0].id, nil
		}
		return "", k.several(found)
	}
	return "", k.none
}

// called compares mail addresses as mail does, and other names exactly.
func (c candidate) called(ref string) bool {
	for _, n := range c.names {
		if n != "" && (n == ref || strings.Contains(ref, "@") && strings.EqualFold(n, ref)) {
			return true
		}
	}
	return false
}

// beginsID reports whether ref can be what a table shows of an id.
func beginsID(ref string) bool {
	return len(ref) >= console.ShortID && strings.Trim(strings.ToLower(ref), "0123456789abcdef-") == ""
}

// several is the refusal of a word that means more than one thing.
func (k kind) several(found []candidate) error {
	const most = 8
	length := console.ShortID
	seen := map[string]bool{}
	for _, c := range found {
		short := console.Shortened(c.id)
		if seen[short] {
			length = len(c.id)
		}
		seen[short] = true
	}
	var said []string
	for _, c := range found[:min(len(found), most)] {
		s := c.id
		if length == console.ShortID {
			s = console.Shortened(s)
		}
		if c.note != "" {
			s += " (" + c.note + ")"
		}
		said = append(said, s)
	}
	if len(found) > most {
		said = append(said, "...")
	}
	return console.Usage(fmt.Sprintf("This means %d %s: %s. Give the id of one; see %s.", len(found), k.many, strings.Join(said, ", "), console.Quote(k.list)))
}

// found is pick in a listing. A whole id is not looked up: the server knows it, also
// where a listing does not show it.
func found[T any](k kind, ref string, list func() ([]T, error), as func(T) candidate) (string, error) {
	if ids.Valid(ref) {
		return ref, nil
	}
	all, err := list()
	if err != nil {
		return "", err
	}
	candidates := make([]candidate, 0, len(all))
	for _, v := range all {
		candidates = append(candidates, as(v))
	}
	return k.pick(ref, candidates)
}
