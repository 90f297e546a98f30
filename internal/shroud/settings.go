package shroud

import (
	"encoding/json"
	"slices"
	"strings"
)

// Settings are a shroud_config with the contract's defaults in the place of what it
// leaves out (contract shroud.md, section 5).
type Settings struct {
	PII              string   `json:"pii_policy"` // block, redact, warn, allow
	Injection        float64  `json:"injection_threshold"`
	ContextInjection float64  `json:"context_injection_threshold"`
	Providers        []string `json:"allowed_providers"` // none: any
	Models           []string `json:"allowed_models"`    // none: any
	DeniedModels     []string `json:"denied_models"`
	MaxTokens        int64    `json:"max_tokens_per_request"` // 0: no limit; so are the next three
	PerMinute        int64    `json:"max_requests_per_minute"`
	PerDay           int64    `json:"max_requests_per_day"`
	DailyBudget      float64  `json:"daily_budget_usd"`
	Redaction        bool     `json:"enable_secret_redaction"`
	Responses        bool     `json:"enable_response_filtering"`
	Mode             string   `json:"sanitization_mode"` // block, surgical, log_only
	Log              bool     `json:"threat_logging"`

	Unicode    Unicode    `json:"unicode_normalization"`
	Command    Command    `json:"command_injection_detection"`
	Social     Social     `json:"social_engineering_detection"`
	Encoding   Encoding   `json:"encoding_detection"`
	Network    Network    `json:"network_detection"`
	Filesystem Filesystem `json:"filesystem_detection"`
}

// Unicode says how text is brought into one form before it is looked at.
type Unicode struct {
	Enabled    bool   `json:"enabled"`
	ZeroWidth  bool   `json:"strip_zero_width"`
	Homoglyphs bool   `json:"normalize_homoglyphs"`
	Form       string `json:"normalization_form"`
}

// Command are the rules of commands. Action is block, sanitize, warn or log.
type Command struct {
	Enabled  bool     `json:"enabled"`
	Action   string   `json:"action"`
	Patterns string   `json:"patterns"` // default, strict, custom
	Custom   []string `json:"custom_patterns"`
}

// Social are the rules of social engineering. Action is block, warn or log.
type Social struct {
	Enabled     bool   `json:"enabled"`
	Action      string `json:"action"`
	Sensitivity string `json:"sensitivity"` // low finds least
}

// Encoding are the rules of encoded text. Action is block, decode, warn or log.
type Encoding struct {
	Enabled bool   `json:"enabled"`
	Action  string `json:"action"`
	Base64  bool   `json:"detect_base64"`
	Hex     bool   `json:"detect_hex"`
	Escapes bool   `json:"detect_unicode_escape"`
}

// Network are the rules of addresses. Action is block, warn or log.
type Network struct {
	Enabled bool     `json:"enabled"`
	Action  string   `json:"action"`
	Blocked []string `json:"blocked_domains"`
	Allowed []string `json:"allowed_domains"` // none: all that are not blocked
}

// Filesystem are the rules of paths. Action is block, sanitize, warn or log.
type Filesystem struct {
	Enabled bool     `json:"enabled"`
	Action  string   `json:"action"`
	Blocked []string `json:"blocked_paths"`
}

// blockedDomains are where data is put for strangers to fetch, or a tunnel ends.
var blockedDomains = [...]string{
	"pastebin.com", "ngrok.io", "ngrok.app", "ngrok-free.app", "webhook.site", "requestbin.com", "pipedream.net", "hastebin.com",
	"transfer.sh", "file.io", "0x0.st", "ghostbin.com", "burpcollaborator.net", "interact.sh", "oast.fun", "localtunnel.me", "serveo.net",
}

// blockedPaths are where a machine keeps its secrets.
var blockedPaths = [...]string{
	"/etc/passwd", "/etc/shadow", "/etc/sudoers", "~/.ssh", "/.ssh/", "id_rsa", "id_ed25519", ".env", "~/.aws", "~/.kube", "~/.netrc",
	"~/.git-credentials", "~/.npmrc", "~/.pypirc", "/proc/self/environ", "/var/run/secrets",
}

// Settings are what the config says. One that Checked returned has no error.
func (c Config) Settings() (Settings, error) {
	s := Settings{
		PII: "redact", Injection: 0.7, ContextInjection: 0.7, Redaction: true, Responses: true, Mode: "block", Log: true,
		Unicode:    Unicode{Enabled: true, ZeroWidth: true, Homoglyphs: true, Form: "NFKC"},
		Command:    Command{Enabled: true, Action: "block", Patterns: "default"},
		Social:     Social{Enabled: true, Action: "warn", Sensitivity: "medium"},
		Encoding:   Encoding{Enabled: true, Action: "warn", Base64: true, Hex: true, Escapes: true},
		Network:    Network{Enabled: true, Action: "warn", Blocked: blockedDomains[:]},
		Filesystem: Filesystem{Action: "log", Blocked: blockedPaths[:]},
	}
	if len(c) == 0 {
		return s, nil
	}
	// A list that the config has replaces the default instead of filling its array.
	s.Network.Blocked, s.Filesystem.Blocked = nil, nil
	if err := json.Unmarshal(c, &s); err != nil {
		return Settings{}, errConfig
	}
	if s.Network.Blocked == nil {
		s.Network.Blocked = blockedDomains[:]
	}
	if s.Filesystem.Blocked == nil {
		s.Filesystem.Blocked = blockedPaths[:]
	}
	return s, nil
}

// MayCall reports whether the provider may be called, and the model of it.
func (s *Settings) MayCall(provider, model string) (providerOK, modelOK bool) {
	providerOK = len(s.Providers) == 0 || has(s.Providers, provider)
	modelOK = !has(s.DeniedModels, model) && (len(s.Models) == 0 || has(s.Models, model))
	return providerOK, modelOK
}

// has reports whether the list holds the word, whatever its case: providers take
// several spellings for one model.
func has(list []string, word string) bool {
	return slices.ContainsFunc(list, func(e string) bool { return strings.EqualFold(e, word) })
}
