package transaction

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

var errRulesJSON = invalid("invalid_guard_rules", "The rules have a field that is not known, or a value of another type. See docs/transactions.md.")

var errHeldRules = fault.New(fault.Denied, "access_denied", "An owner or admin set these rules: only such a person changes them.").Because("held")

// Guard is what bounds an agent's transactions.
type Guard struct {
	Agent    string
	Rules    guard.Rules // those of the contract among them
	JSON     []byte      // those beyond the contract's
	Words    []string    // all in plain sentences
	Held     bool        // an owner or admin set those beyond the contract's
	Revision int64
}

// Guard returns the rules in force for an agent.
func (s *Service) Guard(ctx context.Context, c *call.Call, agent string) (Guard, error) {
	a, err := s.admit(ctx, c, agent, policy.ReadGuard)
	if err != nil {
		return Guard{}, err
	}
	return guardOf(&a)
}

func guardOf(a *Agent) (Guard, error) {
	r, err := rulesOf(a)
	g := Guard{Agent: a.ID, Rules: r, JSON: a.Rules, Words: r.Words(), Held: a.Held, Revision: a.Revision}
	if len(g.JSON) == 0 {
		g.JSON = []byte("{}")
	}
	return g, err
}

// readRules reads rules as they are sent. A field that is not known is refused: a rule that
// somebody misspelt must not go missing.
func readRules(text []byte) (r guard.Rules, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, noRules(text, err)
	}
	return r, r.Check()
}

// fieldName is what may be repeated of rules that can't be read: small letters, as all names
// of rules have, and nothing that could be a value at the place of a name.
var fieldName = regexp.MustCompile(`^[a-z_.]{1,40}$`)

// noRules names the field that is not known, or whose value is of another type.
func noRules(text []byte, err error) error {
	if quoted, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		if name := strings.Trim(quoted, `"`); fieldName.MatchString(name) {
			return invalid("invalid_guard_rules", "The rules have no field "+name+". See docs/transactions.md.")
		}
	}
	if name := intents.BadField(text, func(part []byte) bool { return json.Unmarshal(part, new(guard.Rules)) == nil }); name != "" {
		return invalid("invalid_guard_rules", "The field "+name+" of the rules has a value that is not possible there. Amounts are whole numbers in the smallest unit (wei), in quotes. See docs/transactions.md.")
	}
	return errRulesJSON
}

// SetGuard replaces the rules of an agent beyond the contract's guardrails, which are fields
// of the agent. What an owner or admin set, only such a person changes. Rules that allow
// more take a person who is there. They end with the login that they were set with: then
// the agent stops.
func (s *Service) SetGuard(ctx context.Context, c *call.Call, agent string, sent []byte) (Guard, error) {
	a, err := s.admit(ctx, c, agent, policy.UpdateGuard)
	if err != nil {
		return Guard{}, err
	}
	rules, err := readRules(sent)
	if err != nil {
		return Guard{}, err
	}
	if before, err := rulesOf(&a); err == nil {
		known := slices.DeleteFunc(slices.Clone(rules.Approval.Chains), func(name string) bool { return slices.Contains(before.Approval.Chains, name) })
		if err := s.cfg.Chains.Know(ctx, known); err != nil {
			return Guard{}, err
		}
	}
	text, err := json.Marshal(rules)
	if err != nil {
		return Guard{}, errRules
	}
	c.Succeed("agent", agent)
	a, err = s.cfg.Store.ChangeRules(ctx, a.Org, agent, func(was *Agent) (Rewritten, error) {
		if was.Held && !c.Who.Manages() {
			return Rewritten{}, errHeldRules
		}
		c.Event.Details.More = append([]audit.Field{audit.Number("revision", uint64(was.Revision)+1)}, ruleChanges(was.Rules, text)...)
		now := Rewritten{text, c.Who.Manages(), loosens(was, &rules)}
		if now.Loosens {
			return now, c.RequirePerson()
		}
		return now, nil
	}, c.Event)
	if err != nil {
		return Guard{}, err
	}
	return guardOf(&a)
}

// maxRuleText is how much of a rule the log has, in bytes.
const maxRuleText = 400

// ruleChanges say for the log which rules became others, each from what to what.
func ruleChanges(was, is []byte) (out []audit.Field) {
	var before, after map[string]json.RawMessage
	if len(was) > 0 && json.Unmarshal(was, &before) != nil {
		before = map[string]json.RawMessage{"damaged": json.RawMessage("true")}
	}
	if json.Unmarshal(is, &after) != nil {
		return nil
	}
	names := map[string]bool{}
	for _, rules := range []map[string]json.RawMessage{before, after} {
		for name := range rules {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !bytes.Equal(before[name], after[name]) {
			out = append(out, audit.Text("rule_"+name, ruleText(before[name])+" to "+ruleText(after[name])))
		}
	}
	return out
}

// ruleText is a rule without its quotes, which the log has not.
func ruleText(rule json.RawMessage) string {
	if len(rule) == 0 {
		return "none"
	}
	return short(strings.ReplaceAll(string(rule), `"`, ""), maxRuleText)
}

// loosens reports whether rules allow an agent more than those that it has. Those that can't
// be read stopped everything.
func loosens(was *Agent, now *guard.Rules) bool {
	before, err := rulesOf(was)
	return err != nil || guard.Loosens(&before, now)
}

// Rewritten are rules as they are stored.
type Rewritten struct {
	Rules   []byte // JSON
	Held    bool
	Loosens bool
}

// Trial is what the rules would say.
type Trial struct {
	Allowed       bool // with the approvals that it needs
	Rule, Denial  string
	NeedsApproval []string
	Function      string
	Effects       []string
}

// Try asks the rules about a transaction as if it were submitted now. Nothing is signed,
// reserved or asked of anybody but the chain's nodes, and nothing of them where the rules refuse
// it anyhow.
func (s *Service) Try(ctx context.Context, c *call.Call, agent string, d Draft) (Trial, error) {
	a, err := s.admit(ctx, c, agent, policy.ReadGuard)
	if err != nil {
		return Trial{}, err
	}
	p, err := s.prepare(ctx, c, a, d)
	unreached := fault.CodeOf(err) == "no_rpc"
	if unreached {
		if p.chain, _ = s.cfg.Chains.Named(ctx, d.Chain); p.chain.ID == "" {
			return Trial{}, err
		}
		p.decode()
	} else if err != nil {
		return Trial{}, err
	}
	if v := guard.Decide(&p.rules, p.attempt(), &guard.Spent{Early: true}); v.Denial != nil {
		c.Touch("agent", agent)
		return p.trial(&v), nil
	}
	if unreached {
		return Trial{}, err
	}
	if err := p.fees(ctx); err != nil {
		return Trial{}, err
	}
	if err := p.gas(ctx); err != nil && !fault.Is(err, fault.Unprocessable) { // the rules answer also where the chain would not let it pass
		return Trial{}, err
	}
	if err := p.allowances(ctx); err != nil {
		return Trial{}, err
	}
	c.Touch("agent", agent)
	attempt := p.attempt()
	spent, err := s.cfg.Store.SpentBy(ctx, agent, c.Now.Add(-window), attempt.ChainID, guard.Recipients(attempt))
	if err != nil {
		return Trial{}, err
	}
	v := guard.Decide(&p.rules, attempt, spent)
	return p.trial(&v), nil
}

func (p *prepared) trial(v *guard.Verdict) Trial {
	out := Trial{Allowed: v.Denial == nil, NeedsApproval: v.NeedsApproval, Function: p.meaning.Function, Effects: effects(&p.meaning)}
	if v.Denial != nil {
		out.Rule, out.Denial = v.Denial.Rule, v.Denial.Text
	}
	return out
}
