package intents

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/patch"
)

// Fields are the guardrails that later versions of the API have as fields of an agent. They
// hold beside its guard: of two limits the tighter one, and a human is asked where one of
// the two says so. Texts and typed data are signed where one of the two allows them.
type Fields struct {
	Approval  ApprovalPolicy `json:"tx_approval_policy,omitzero"`
	MaxPerDay *int64         `json:"tx_max_per_day,omitempty"` // transactions in 24 hours; nil: no limit
	Texts     bool           `json:"message_signing_enabled,omitempty"`
	Domains   []Domain       `json:"eip712_domain_allowlist,omitempty"`
}

// ApprovalPolicy says when a human is asked.
type ApprovalPolicy struct {
	AboveNative        map[string]string `json:"require_above_native,omitempty"` // decimal, of a chain's own coin, by its name
	NewRecipients      bool              `json:"require_for_new_recipients,omitempty"`
	UnlimitedApprovals bool              `json:"require_for_unlimited_approvals,omitempty"`
	Chains             []string          `json:"require_for_chains,omitempty"`
}

// Domain lets typed data (EIP-712) of a contract be signed. What is left out may be any.
type Domain struct {
	Contract    string `json:"verifying_contract"`
	Name        string `json:"name,omitempty"`
	ChainID     uint64 `json:"chain_id,omitempty"`
	PrimaryType string `json:"primary_type,omitempty"`
}

const maxPerDay = 1_000_000

var (
	errAbove = invalid("invalid_tx_approval_policy", `require_above_native of tx_approval_policy is an object of names of chains and decimal numbers of their coin in quotes, `+
		`such as {"sepolia": "0.05"}.`)
	errApproval = invalid("invalid_tx_approval_policy", `tx_approval_policy is an object such as {"require_above_native": {"sepolia": "0.05"}, "require_for_new_recipients": true, `+
		`"require_for_unlimited_approvals": true, "require_for_chains": ["ethereum"]}, of at most 100 chains, and has no other field.`)
	errDomains = invalid("invalid_eip712_domain_allowlist", `eip712_domain_allowlist is a list of at most 1,000 objects such as {"verifying_contract": "0x..."}: `+
		"a contract, and name, chain_id and primary_type where they must be the same, and has no other field.")
	errPerDay = invalid("invalid_tx_max_per_day", "tx_max_per_day is from 0 to 1,000,000.")
)

// ReadApproval reads an approval policy as it is sent. A field that is not known is
// refused: a rule that somebody misspelt must not go missing.
func ReadApproval(text []byte) (p ApprovalPolicy, err error) {
	if strict(text, &p) {
		return p, nil
	}
	bad := BadField(text, func(part []byte) bool { return strict(part, new(ApprovalPolicy)) })
	switch {
	case strings.HasPrefix(bad, "require_above_native"):
		return p, errAbove
	case bad != "":
		return p, invalid("invalid_tx_approval_policy", "The field "+bad+" of tx_approval_policy is not known, or has a value that is not possible there. See docs/transactions.md.")
	}
	return p, errApproval
}

// ReadDomains reads a list of domains as it is sent, as ReadApproval does.
func ReadDomains(texts [][]byte) ([]Domain, error) {
	out := make([]Domain, len(texts))
	for i, text := range texts {
		if !strict(text, &out[i]) {
			return nil, errDomains
		}
	}
	return out, nil
}

func strict(text []byte, into any) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into) == nil
}

// IsZero reports whether no human is asked.
func (p ApprovalPolicy) IsZero() bool {
	return len(p.AboveNative) == 0 && !p.NewRecipients && !p.UnlimitedApprovals && len(p.Chains) == 0
}

func (f *Fields) check() error {
	p := &f.Approval
	switch {
	case len(p.AboveNative) > maxAllowed || len(p.Chains) > maxAllowed || !all(p.Chains, chain) || !all(slices.Collect(maps.Keys(p.AboveNative)), chain):
		return errApproval
	case !all(slices.Collect(maps.Values(p.AboveNative)), amount):
		return errAbove
	case f.MaxPerDay != nil && (*f.MaxPerDay < 0 || *f.MaxPerDay > maxPerDay):
		return errPerDay
	case len(f.Domains) > maxAddresses:
		return errDomains
	}
	for _, d := range f.Domains {
		if !account.MatchString(d.Contract) || len(d.Name) > 256 || len(d.PrimaryType) > 128 {
			return errDomains
		}
	}
	return nil
}

// caps are those of fields. Texts and domains restrict as long as they allow nothing more.
func (Fields) caps() []patch.Cap[Guardrails] {
	return []patch.Cap[Guardrails]{
		patch.NewCap("tx_approval_policy", func(g *Guardrails) bool { return !g.Approval.IsZero() }, func(was, is *Guardrails) bool { return was.Approval.loosens(&is.Approval) }),
		patch.NewCap("tx_max_per_day", func(g *Guardrails) bool { return g.MaxPerDay != nil }, func(was, is *Guardrails) bool {
			return was.MaxPerDay != nil && (is.MaxPerDay == nil || *is.MaxPerDay > *was.MaxPerDay)
		}),
		patch.NewCap("message_signing_enabled", func(g *Guardrails) bool { return !g.Texts }, func(was, is *Guardrails) bool { return is.Texts && !was.Texts }),
		patch.NewCap("eip712_domain_allowlist", func(*Guardrails) bool { return true }, func(was, is *Guardrails) bool {
			return slices.ContainsFunc(is.Domains, func(d Domain) bool { return !slices.ContainsFunc(was.Domains, d.within) })
		}),
	}
}

// loosens reports whether a human is asked less.
func (p *ApprovalPolicy) loosens(is *ApprovalPolicy) bool {
	for on, above := range p.AboveNative {
		if now, ok := find(is.AboveNative, on); !ok || raises(above, now) {
			return true
		}
	}
	return p.NewRecipients && !is.NewRecipients || p.UnlimitedApprovals && !is.UnlimitedApprovals ||
		slices.ContainsFunc(p.Chains, func(c string) bool {
			return !slices.ContainsFunc(is.Chains, func(now string) bool { return strings.EqualFold(c, now) })
		})
}

func find(amounts map[string]string, on string) (string, bool) {
	for name, amount := range amounts {
		if strings.EqualFold(name, on) {
			return amount, true
		}
	}
	return "", false
}

// within reports whether all that d allows is allowed by was.
func (d Domain) within(was Domain) bool {
	return strings.EqualFold(d.Contract, was.Contract) && (was.Name == "" || d.Name == was.Name) &&
		(was.ChainID == 0 || d.ChainID == was.ChainID) && (was.PrimaryType == "" || d.PrimaryType == was.PrimaryType)
}

// FieldsPatch is what changes in Fields. Null lifts a limit, and allows nothing more.
type FieldsPatch struct {
	Approval  patch.Field[ApprovalPolicy]
	MaxPerDay patch.Field[int64]
	Texts     patch.Field[bool]
	Domains   patch.Field[[]Domain]
}

func (p *FieldsPatch) apply(f *Fields) {
	p.Approval.Clear(&f.Approval)
	p.Texts.Clear(&f.Texts)
	p.Domains.Clear(&f.Domains)
	switch {
	case p.MaxPerDay.Null:
		f.MaxPerDay = nil
	case p.MaxPerDay.Set:
		f.MaxPerDay = &p.MaxPerDay.Value
	}
}

// New are the fields of a new agent, for which nothing was set before.
func (p *FieldsPatch) New() (f Fields) {
	p.apply(&f)
	return f
}

func (p *FieldsPatch) names(into map[string]bool) map[string]bool {
	into["tx_approval_policy"], into["tx_max_per_day"] = p.Approval.Set, p.MaxPerDay.Set
	into["message_signing_enabled"], into["eip712_domain_allowlist"] = p.Texts.Set, p.Domains.Set
	return into
}

// copy sets the field of a name to what it is elsewhere.
func (f *Fields) copy(from *Fields, name string) {
	switch name {
	case "tx_approval_policy":
		f.Approval = from.Approval
	case "tx_max_per_day":
		f.MaxPerDay = from.MaxPerDay
	case "message_signing_enabled":
		f.Texts = from.Texts
	case "eip712_domain_allowlist":
		f.Domains = from.Domains
	}
}

func (f *Fields) changes(is *Fields) (out []Changed) {
	was, now := f.words(), is.words()
	for i, w := range was {
		if w.Text != now[i].Text {
			out = append(out, Changed{w.Name, w.Text + " to " + now[i].Text})
		}
	}
	return out
}

// words are the fields as the log has them.
func (f *Fields) words() []Changed {
	perDay := "none"
	if f.MaxPerDay != nil {
		perDay = strconv.FormatInt(*f.MaxPerDay, 10)
	}
	domains := "none"
	if n := len(f.Domains); n > 0 {
		list := make([]string, n)
		for i, d := range f.Domains {
			list[i] = d.Contract
			if d.ChainID > 0 {
				list[i] += " on " + strconv.FormatUint(d.ChainID, 10)
			}
			for _, only := range [...]string{d.Name, d.PrimaryType} {
				if only != "" {
					list[i] += " " + only
				}
			}
		}
		domains = listed(list)
	}
	p := &f.Approval
	var asks []string
	for _, on := range slices.Sorted(maps.Keys(p.AboveNative)) {
		asks = append(asks, "above "+p.AboveNative[on]+" on "+on)
	}
	if p.NewRecipients {
		asks = append(asks, "new recipients")
	}
	if p.UnlimitedApprovals {
		asks = append(asks, "unlimited approvals")
	}
	for _, on := range p.Chains {
		asks = append(asks, "all on "+on)
	}
	asked := "never"
	if len(asks) > 0 {
		asked = listed(asks)
	}
	return []Changed{
		{"tx_approval_policy", asked}, {"tx_max_per_day", perDay},
		{"message_signing_enabled", strconv.FormatBool(f.Texts)}, {"eip712_domain_allowlist", domains},
	}
}
