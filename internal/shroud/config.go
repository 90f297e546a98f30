// Package shroud knows the shape of an agent's shroud_config: what it may say of how
// its calls of language models are looked at.
//
// Its promise: a config that Checked returned has the one spelling that strict clients
// take, and Checked returns it again as it is.
package shroud

import (
	"encoding/json"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
)

// rule checks one field of a shroud_config and brings it into the spelling
// that it is shown in. ok is false when the value is not acceptable.
type rule func(v any) (out any, ok bool)

func oneOf(words ...string) rule {
	return func(v any) (any, bool) {
		s, ok := v.(string)
		return v, ok && slices.Contains(words, s)
	}
}

// renamed is oneOf that takes other clients' words for the same.
func renamed(words map[string]string) rule {
	return func(v any) (any, bool) {
		s, _ := v.(string)
		out, ok := words[s]
		return out, ok
	}
}

func flag(v any) (any, bool) {
	_, ok := v.(bool)
	return v, ok
}

func between(low, high float64) rule {
	return func(v any) (any, bool) {
		n, ok := v.(float64)
		return v, ok && n >= low && n <= high
	}
}

func count(v any) (any, bool) {
	n, ok := v.(float64)
	if !ok || n < 0 || n > 1<<53 || n != float64(int64(n)) {
		return nil, false
	}
	return int64(n), true
}

const maxList = 1000

func texts(v any) (any, bool) {
	list, ok := v.([]any)
	if !ok || len(list) > maxList {
		return nil, false
	}
	for _, e := range list {
		if s, ok := e.(string); !ok || len(s) > 512 {
			return nil, false
		}
	}
	return v, true
}

// part is an object within the config; alias names fields of other spellings.
func part(fields map[string]rule, alias map[string]string) rule {
	return func(v any) (any, bool) {
		in, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		out := map[string]any{}
		for name, v := range in {
			if other, ok := alias[name]; ok {
				if _, both := in[other]; both {
					continue // the proper spelling wins
				}
				name = other
			}
			check, known := fields[name]
			if !known || v == nil {
				continue // what later clients send is ignored, and null is the default
			}
			if out[name], ok = check(v); !ok {
				return nil, false
			}
		}
		return out, true
	}
}

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
	}, nil)
}

// Config is an agent's shroud_config: a JSON object, or nil.
type Config []byte

// Checked brings a shroud_config into the spelling that it is stored and
// shown in: strict clients refuse any other. Fields of later versions are
// dropped; a known field with a value that it can't have is refused.
func (c Config) Checked() (Config, error) {
	if len(c) == 0 || string(c) == "null" {
		return nil, nil
	}
	var v any
	if err := json.Unmarshal(c, &v); err != nil {
		return nil, errConfig
	}
	v, ok := spelled(v)
	if !ok {
		return nil, errConfig
	}
	out, ok := rules()(v)
	if !ok {
		return nil, errConfig
	}
	return json.Marshal(out)
}

// Cap is the config, for whoever holds that it is not loosened: any other may be laxer.
func Cap() patch.Cap[Config] {
	return patch.NewCap("shroud_config", func(c *Config) bool { return *c != nil }, func(was, is *Config) bool {
		return *was != nil && string(*is) != string(*was)
	})
}

var errConfig = fault.New(fault.Invalid, "invalid_shroud_config", "shroud_config has a field whose value is not possible there.")
