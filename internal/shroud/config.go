// Package shroud knows the shape of an agent's shroud_config: what it may say of how
// its calls of language models are looked at.
//
// Its promise: a config that Checked returned has the one spelling that strict clients
// take, and Checked returns it again as it is.
package shroud

import (
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
)

// rules are the fields of the contract's shroud_config.
func rules() rule {
	ratio, action := between(0, 1), func(words ...string) rule { return oneOf(words...) }
	return part(map[string]rule{
		"pii_policy":          oneOf("block", "redact", "warn", "allow"),
		"injection_threshold": ratio, "context_injection_threshold": ratio,
		"allowed_providers": texts, "allowed_models": texts, "denied_models": texts,
		"max_tokens_per_request": count, "max_requests_per_minute": count, "max_requests_per_day": count, "max_concurrent_streams": count,
		"daily_budget_usd":        between(0, 1e12),
		"enable_secret_redaction": flag, "enable_response_filtering": flag, "threat_logging": flag,
		"sanitization_mode": renamed(map[string]string{
			"block": "block", "surgical": "surgical", "log_only": "log_only", "sanitize": "surgical", "warn": "log_only",
		}),
		"inspect_as_text": flag,
		"tool_call_inspection": part(map[string]rule{
			"enabled": flag, "action": action("block", "warn", "log"), "allowed_tools": texts, "blocked_tools": texts,
		}, map[string]string{"denied_tools": "blocked_tools", "allowlist": "allowed_tools", "denylist": "blocked_tools"}),
		"kept_context_detection": part(map[string]rule{"enabled": flag, "action": action("block", "warn", "log")}, nil),
		"unicode_normalization": part(map[string]rule{
			"enabled": flag, "strip_zero_width": flag, "normalize_homoglyphs": flag,
			"normalization_form": oneOf("NFC", "NFD", "NFKC", "NFKD"),
		}, nil),
		"command_injection_detection": part(map[string]rule{
			"enabled": flag, "action": action("block", "sanitize", "warn", "log"), "custom_patterns": texts,
			"patterns": renamed(map[string]string{"default": "default", "strict": "strict", "custom": "custom", "relaxed": "default"}),
		}, map[string]string{"strictness": "patterns"}),
		"social_engineering_detection": part(map[string]rule{
			"enabled": flag, "action": action("block", "warn", "log"), "sensitivity": oneOf("low", "medium", "high"),
		}, nil),
		"encoding_detection": part(map[string]rule{
			"enabled": flag, "action": action("block", "decode", "warn", "log"), "detect_base64": flag, "detect_hex": flag,
			"detect_unicode_escape": flag,
		}, map[string]string{"detect_unicode": "detect_unicode_escape"}),
		"network_detection": part(map[string]rule{
			"enabled": flag, "action": action("block", "warn", "log"), "blocked_domains": texts, "allowed_domains": texts,
		}, nil),
		"filesystem_detection": part(map[string]rule{
			"enabled": flag, "action": action("block", "sanitize", "warn", "log"), "blocked_paths": texts,
		}, nil),
		// Fields of later versions of the contract. They mean nothing here.
		"output_policy": unheld, "secret_injection_detection": unheld, "advanced_redaction": unheld, "semantic_policy": unheld,
		"flagged_request_retention_days": unheld, "streaming_inspection_mode": unheld,
	}, nil)
}

// Config is an agent's shroud_config: a JSON object, or nil.
type Config []byte

// Checked brings a shroud_config into the spelling that it is stored and
// shown in: strict clients refuse any other. A field that is not known is
// refused by its name, so that no limit goes missing because it was misspelt, and
// so is a value that its field can't have; what later versions have besides is dropped.
func (c Config) Checked() (Config, error) {
	if len(c) == 0 || string(c) == "null" {
		return nil, nil
	}
	var v any
	if err := json.Unmarshal(c, &v); err != nil {
		return nil, errConfig
	}
	v, bad := spelled(v)
	if bad == nil {
		v, bad = rules()(v)
	}
	if bad != nil {
		return nil, bad.fault()
	}
	return json.Marshal(v)
}

// Cap is the config, for whoever holds that it is not loosened: any other may be laxer.
func Cap() patch.Cap[Config] {
	return patch.NewCap("shroud_config", func(c *Config) bool { return *c != nil }, func(was, is *Config) bool {
		return *was != nil && string(*is) != string(*was)
	})
}

var errConfig = fault.New(fault.Invalid, "invalid_shroud_config", "shroud_config is an object.")
