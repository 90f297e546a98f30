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
	Kept       Rule `json:"kept_context_detection"` // what the provider keeps, and the model reads
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
		Network: Rule{true, "warn"}, Filesystem: Rule{false, "log"}, Kept: Rule{true, "warn"},
	}
	if len(c) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(c, &s); err != nil {
		return Settings{}, errConfig
	}
	return s, nil
}

// ModelsBound reports whether some models may not be called.
func (s *Settings) ModelsBound() bool { return len(s.Models) > 0 || len(s.DeniedModels) > 0 }

// MayCall reports whether the provider may be called, and the model of it. A model may have the
// provider before it (openai/gpt-5), in the request or on a list; a denied one is denied in each
// variant too (MODEL:nitro).
func (s *Settings) MayCall(provider, model string) (providerOK, modelOK bool) {
	providerOK = len(s.Providers) == 0 || has(s.Providers, provider)
	names := namesOf(provider, model)
	modelOK = len(s.Models) == 0 || slices.ContainsFunc(names, func(n string) bool { return listed(s.Models, n) })
	for _, name := range names {
		base, _, _ := strings.Cut(name, ":")
		modelOK = modelOK && !listed(s.DeniedModels, name) && !listed(s.DeniedModels, base)
	}
	return providerOK, modelOK
}

// namesOf are the names of a model that mean the same at a provider.
func namesOf(provider, model string) []string {
	model = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(model)), "models/")
	if provider == "" {
		return []string{model}
	}
	before := strings.ToLower(provider) + "/"
	bare := strings.TrimPrefix(model, before)
	names := []string{bare, before + bare}
	if provider == "google" {
		bare = strings.TrimPrefix(bare, "gemini/")
		names = append(names, bare, "gemini/"+bare)
	}
	return names
}

// Tools is which tools a model may be offered and may call. An entry that ends in * is the
// beginning of names. A name with a character that is not visible ASCII is on no list of allowed
// ones and on each of blocked ones: whoever runs the tool may take it for another name.
type Tools struct {
	Rule
	Allowed []string `json:"allowed_tools"` // none: any
	Blocked []string `json:"blocked_tools"`
}

// Refuses names the list that keeps a tool out, or is empty. All names mean the tool: one that is
// blocked keeps it out, and one that is allowed lets it in.
func (t *Tools) Refuses(names ...string) string {
	on := func(list []string) func(string) bool { return func(name string) bool { return listed(list, name) } }
	odd := slices.ContainsFunc(names, func(name string) bool { return !visible(name) })
	switch {
	case !t.Enabled:
	case len(t.Blocked) > 0 && (odd || slices.ContainsFunc(names, on(t.Blocked))):
		return "blocked_tools"
	case len(t.Allowed) > 0 && (odd || !slices.ContainsFunc(names, on(t.Allowed))):
		return "allowed_tools"
	}
	return ""
}

func visible(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}

// listed reports whether a list has the name in any case. An entry that ends in * is the
// beginning of names.
func listed(list []string, name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(list, func(e string) bool {
		begin, open := strings.CutSuffix(strings.ToLower(strings.TrimSpace(e)), "*")
		return name == begin && !open || open && strings.HasPrefix(name, begin)
	})
}

// has reports whether the list holds the word, whatever its case.
func has(list []string, word string) bool {
	return slices.ContainsFunc(list, func(e string) bool { return strings.EqualFold(e, word) })
}
