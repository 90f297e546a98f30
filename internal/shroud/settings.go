package shroud

import (
	"encoding/json"
	"slices"
	"strings"
)

// Settings are what a shroud_config says of what becomes of a call, with the contract's
// defaults in the place of what it leaves out (contract shroud.md, section 5). Its limits
// are spend's to read, and what is looked for detect's.
type Settings struct {
	PII              string   `json:"pii_policy"` // block, redact, warn, allow
	Injection        float64  `json:"injection_threshold"`
	ContextInjection float64  `json:"context_injection_threshold"`
	Providers        []string `json:"allowed_providers"` // none: any
	Models           []string `json:"allowed_models"`    // none: any
	DeniedModels     []string `json:"denied_models"`
	Redaction        bool     `json:"enable_secret_redaction"`
	Responses        bool     `json:"enable_response_filtering"`
	Mode             string   `json:"sanitization_mode"` // block, surgical, log_only
	Log              bool     `json:"threat_logging"`
	AsText           bool     `json:"inspect_as_text"` // bodies of paths that no dialect has
	Tools            Tools    `json:"tool_call_inspection"`

	Unicode    Rule `json:"unicode_normalization"`
	Command    Rule `json:"command_injection_detection"`
	Social     Rule `json:"social_engineering_detection"`
	Encoding   Rule `json:"encoding_detection"`
	Network    Rule `json:"network_detection"`
	Filesystem Rule `json:"filesystem_detection"`
}

// Rule is whether something is looked for, and what becomes of what is found: block,
// sanitize, decode, warn or log. What exactly is looked for, detect reads from the config.
type Rule struct {
	Enabled bool   `json:"enabled"`
	Action  string `json:"action"`
}

// Settings are what the config says. One that Checked returned has no error.
func (c Config) Settings() (Settings, error) {
	s := Settings{
		Tools: Tools{Rule: Rule{true, "block"}},
		PII:   "redact", Injection: 0.7, ContextInjection: 0.7, Redaction: true, Responses: true, Mode: "block", Log: true,
		Unicode: Rule{Enabled: true}, Command: Rule{true, "block"}, Social: Rule{true, "warn"}, Encoding: Rule{true, "warn"},
		Network: Rule{true, "warn"}, Filesystem: Rule{false, "log"},
	}
	if len(c) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(c, &s); err != nil {
		return Settings{}, errConfig
	}
	return s, nil
}

// MayCall reports whether the provider may be called, and the model of it.
func (s *Settings) MayCall(provider, model string) (providerOK, modelOK bool) {
	providerOK = len(s.Providers) == 0 || has(s.Providers, provider)
	modelOK = !has(s.DeniedModels, model) && (len(s.Models) == 0 || has(s.Models, model))
	return providerOK, modelOK
}

// Tools is which tools a model may be offered and may call. An entry that ends in * is the
// beginning of names.
type Tools struct {
	Rule
	Allowed []string `json:"allowed_tools"` // none: any
	Blocked []string `json:"blocked_tools"`
}

// Refuses names the list that keeps a tool out, or is empty.
func (t *Tools) Refuses(name string) string {
	switch {
	case !t.Enabled:
	case tool(t.Blocked, name):
		return "blocked_tools"
	case len(t.Allowed) > 0 && !tool(t.Allowed, name):
		return "allowed_tools"
	}
	return ""
}

func tool(list []string, name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(list, func(e string) bool {
		begin, open := strings.CutSuffix(strings.ToLower(e), "*")
		return name == begin && !open || open && strings.HasPrefix(name, begin)
	})
}

// has reports whether the list holds the word, whatever its case: providers take
// several spellings for one model.
func has(list []string, word string) bool {
	return slices.ContainsFunc(list, func(e string) bool { return strings.EqualFold(e, word) })
}
