package agents

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// guardView is what bounds an agent's transactions: in words, as forms, and to try.
type guardView struct {
	Agent  *client.Agent
	Guard  *client.Guard
	Chains []client.Chain
	Limits limitForm
	Rules  ruleForm
	Try    tryForm
}

// limitForm are the limits that are fields of an agent.
type limitForm struct {
	Enabled, Text                    bool
	To, Chains                       string
	MaxValue, Daily, PerDay, Problem string
}

// ruleForm are the rules beside those; amounts are in the chain's coin.
type ruleForm struct {
	GasCounts, OtherTokens, Creation, Text, Simulate, NewRecipients, Unlimited bool
	MaxFee, Above, PerDay, AskedChains                                         string
	Rest                                                                       string // functions, tokens and typed data, as JSON
	Problem                                                                    string
}

// tryForm is a transaction to ask the rules about.
type tryForm struct {
	To, Value, Chain, Data, Problem string
	Verdict                         *client.GuardVerdict
	Why                             []string
	Effects                         []string
}

func guardrails(v *frame.Visit) error {
	d, err := lookAtGuard(v)
	if err != nil {
		return err
	}
	return showGuard(v, http.StatusOK, d)
}

func showGuard(v *frame.Visit, status int, d *guardView) error {
	return v.Show(status, "agent-guardrails", v.T("Guardrails of %s", d.Agent.Name), d)
}

func lookAtGuard(v *frame.Visit) (*guardView, error) {
	id := v.R.PathValue("id")
	d := new(guardView)
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { d.Agent, err = v.API.Agent(ctx, id); return err })
	g.Go(func() (err error) { d.Guard, err = v.API.Guard(ctx, id); return err })
	g.Go(func() (err error) { d.Chains, err = v.API.Chains(ctx); return frame.Seen(err) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	d.Limits, d.Rules = limitsOf(d.Agent), rulesIn(d.Guard.Rules)
	return d, nil
}

func limitsOf(a *client.Agent) limitForm {
	f := limitForm{
		Enabled: a.IntentsAPIEnabled, To: strings.Join(a.TxToAllowlist, "\n"), Chains: strings.Join(a.TxAllowedChains, "\n"),
		MaxValue: a.TxMaxValueETH, Daily: a.TxDailyLimitETH, Text: a.MessageSigningEnabled != nil && *a.MessageSigningEnabled,
	}
	if a.TxMaxPerDay != nil {
		f.PerDay = strconv.FormatInt(*a.TxMaxPerDay, 10)
	}
	return f
}

// setLimits changes those limits that differ.
func setLimits(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	d, err := lookAtGuard(v)
	if err != nil {
		return err
	}
	was := d.Limits
	f := limitForm{
		Enabled: v.Form("enabled") != "", Text: v.Form("text") != "", To: v.Form("to"), Chains: v.Form("chains"),
		MaxValue: v.Form("max_value"), Daily: v.Form("daily"), PerDay: v.Form("per_day"),
	}
	u, err := limitUpdate(v, &was, &f)
	if err == nil {
		_, err = v.API.UpdateAgent(v.R.Context(), d.Agent.ID, u)
	}
	if frame.Retry(err) {
		var status int
		status, f.Problem = v.Describe(err)
		d.Limits = f
		return showGuard(v, status, d)
	}
	if err != nil {
		return err
	}
	return v.Back(agentPath(v)+"/guardrails", "The limits are changed.")
}

// limitUpdate is what a form changes of limits.
func limitUpdate(v *frame.Visit, was, is *limitForm) (u client.AgentUpdate, err error) {
	text := func(was, is, field string, to **string) {
		switch {
		case was == is:
		case is == "":
			u.Clear = append(u.Clear, field)
		default:
			*to = &is
		}
	}
	list := func(was, is, field string, to *[]string) {
		now := lines(is)
		switch {
		case slices.Equal(lines(was), now):
		case len(now) == 0:
			u.Clear = append(u.Clear, field)
		default:
			*to = now
		}
	}
	text(was.MaxValue, is.MaxValue, "tx_max_value_eth", &u.TxMaxValueETH)
	text(was.Daily, is.Daily, "tx_daily_limit_eth", &u.TxDailyLimitETH)
	list(was.To, is.To, "tx_to_allowlist", &u.TxToAllowlist)
	list(was.Chains, is.Chains, "tx_allowed_chains", &u.TxAllowedChains)
	if was.Enabled != is.Enabled {
		u.IntentsAPIEnabled = &is.Enabled
	}
	if was.Text != is.Text {
		u.MessageSigningEnabled = &is.Text
	}
	switch {
	case was.PerDay == is.PerDay:
	case is.PerDay == "":
		u.Clear = append(u.Clear, "tx_max_per_day")
	default:
		n, err := strconv.ParseInt(is.PerDay, 10, 32)
		if err != nil {
			return u, v.Wrong("How many a day is a whole number.")
		}
		u.TxMaxPerDay = &n
	}
	return u, nil
}

// formRules are the rules that the form has fields for; the others are in its JSON.
var formRules = []string{"gas_counts", "max_fee", "refuse_other_tokens", "approval", "allow_creation", "allow_text", "require_simulation", "max_per_day"}

// rulesIn is the form of rules.
func rulesIn(text json.RawMessage) (f ruleForm) {
	var r struct {
		GasCounts   bool        `json:"gas_counts"`
		MaxFee      json.Number `json:"max_fee"`
		OtherTokens bool        `json:"refuse_other_tokens"`
		Creation    bool        `json:"allow_creation"`
		Text        bool        `json:"allow_text"`
		Simulate    bool        `json:"require_simulation"`
		PerDay      json.Number `json:"max_per_day"`
		Approval    struct {
			Above         json.Number `json:"require_above_native"`
			NewRecipients bool        `json:"require_for_new_recipients"`
			Unlimited     bool        `json:"require_for_unlimited_approvals"`
			Chains        []string    `json:"require_for_chains"`
		} `json:"approval"`
	}
	_ = json.Unmarshal(text, &r) // the server wrote it
	f = ruleForm{
		GasCounts: r.GasCounts, OtherTokens: r.OtherTokens, Creation: r.Creation, Text: r.Text, Simulate: r.Simulate, PerDay: string(r.PerDay),
		NewRecipients: r.Approval.NewRecipients, Unlimited: r.Approval.Unlimited, AskedChains: strings.Join(r.Approval.Chains, "\n"),
		MaxFee: evm.FormatWei(string(r.MaxFee)), Above: evm.FormatWei(string(r.Approval.Above)),
	}
	rest := map[string]json.RawMessage{}
	_ = json.Unmarshal(text, &rest)
	maps.DeleteFunc(rest, func(name string, _ json.RawMessage) bool { return slices.Contains(formRules, name) })
	f.Rest = strings.TrimSpace(indented(rest))
	return f
}

// rulesFrom are those of a form, as the API takes them.
func rulesFrom(v *frame.Visit, f *ruleForm) (json.RawMessage, error) {
	all := map[string]any{}
	if f.Rest != "" {
		var rest map[string]json.RawMessage
		if err := json.Unmarshal([]byte(f.Rest), &rest); err != nil || rest == nil {
			return nil, v.Wrong("The other rules are a JSON object, or nothing.")
		}
		for name, rule := range rest {
			if slices.Contains(formRules, name) {
				return nil, v.Wrong("The rule %s has a field of its own.", name)
			}
			all[name] = rule
		}
	}
	asks := map[string]any{}
	for name, on := range map[string]bool{
		"gas_counts": f.GasCounts, "refuse_other_tokens": f.OtherTokens, "allow_creation": f.Creation, "allow_text": f.Text, "require_simulation": f.Simulate,
	} {
		if on {
			all[name] = true
		}
	}
	for name, on := range map[string]bool{"require_for_new_recipients": f.NewRecipients, "require_for_unlimited_approvals": f.Unlimited} {
		if on {
			asks[name] = true
		}
	}
	for _, one := range []struct {
		coins string
		name  string
		in    map[string]any
	}{{f.MaxFee, "max_fee", all}, {f.Above, "require_above_native", asks}} {
		if one.coins == "" {
			continue
		}
		n, err := evm.ParseUnits(one.coins, 18)
		if err != nil {
			return nil, v.Wrong("An amount is a number of the chain's coin, such as 0.05.")
		}
		one.in[one.name] = n.Dec()
	}
	if chains := lines(f.AskedChains); len(chains) > 0 {
		asks["require_for_chains"] = chains
	}
	if len(asks) > 0 {
		all["approval"] = asks
	}
	if f.PerDay != "" {
		n, err := strconv.Atoi(f.PerDay)
		if err != nil {
			return nil, v.Wrong("How many a day is a whole number.")
		}
		all["max_per_day"] = n
	}
	return json.Marshal(all)
}

// setRules replaces the rules.
func setRules(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	f := ruleForm{
		GasCounts: v.Form("gas_counts") != "", OtherTokens: v.Form("other_tokens") != "", Creation: v.Form("creation") != "", Text: v.Form("text") != "",
		Simulate: v.Form("simulate") != "", NewRecipients: v.Form("new_recipients") != "", Unlimited: v.Form("unlimited") != "",
		MaxFee: v.Form("max_fee"), Above: v.Form("above"), PerDay: v.Form("per_day"), AskedChains: v.Form("asked_chains"), Rest: v.Form("rest"),
	}
	text, err := rulesFrom(v, &f)
	if err == nil {
		_, err = v.API.SetGuard(v.R.Context(), v.R.PathValue("id"), text)
	}
	if frame.Retry(err) {
		d, gone := lookAtGuard(v)
		if gone != nil {
			return gone
		}
		var status int
		status, f.Problem = v.Describe(err)
		d.Rules = f
		return showGuard(v, status, d)
	}
	if err != nil {
		return err
	}
	return v.Back(agentPath(v)+"/guardrails", "The rules are changed.")
}

// tryRules asks what the rules say of a transaction. Nothing is signed.
func tryRules(v *frame.Visit) error {
	d, err := lookAtGuard(v)
	if err != nil {
		return err
	}
	f := tryForm{To: v.Form("to"), Value: v.Form("amount"), Chain: v.Form("chain"), Data: v.Form("data")}
	tx := map[string]string{"to": f.To, "value": f.Value, "chain": f.Chain}
	if f.Data != "" {
		tx["data"] = f.Data
	}
	text, err := json.Marshal(tx)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if f.Verdict, err = v.API.TryGuard(v.R.Context(), d.Agent.ID, text); err != nil {
		if !frame.Retry(err) {
			return err
		}
		status, f.Problem = v.Describe(err)
	} else {
		for _, why := range f.Verdict.NeedsApproval {
			if _, words, named := strings.Cut(why, ": "); named { // before it is the rule's name in the API
				why = words
			}
			f.Why = append(f.Why, why)
		}
		for _, e := range f.Verdict.Effects {
			f.Effects = append(f.Effects, effect(v, e))
		}
	}
	d.Try = f
	return showGuard(v, status, d)
}

// effect says in words what the server writes as kind, token, recipient and amount.
func effect(v *frame.Visit, e string) string {
	parts := strings.Split(e, ":")
	if len(parts) != 4 {
		return e
	}
	kind, token, to, n := parts[0], parts[1], parts[2], parts[3]
	switch {
	case token == "native" && n != "unlimited":
		return v.T("pays %s of the chain's coin to %s", evm.FormatWei(n), to)
	case token == "native":
		return v.T("pays any amount of the chain's coin to %s", to)
	}
	return v.T("%s: %s of the token %s, in its smallest unit, to %s", kind, n, token, to)
}
