package shroud

import "maps"

// preset is a way of looking at calls that has a name. All presets say the same fields.
func preset(name string) map[string]any {
	detector := func(action string, more map[string]any) map[string]any {
		out := map[string]any{"enabled": true, "action": action}
		maps.Copy(out, more)
		return out
	}
	all := func(mode, pii string, threshold float64, command, social, other, files, patterns, sensitivity string) map[string]any {
		return map[string]any{
			"sanitization_mode": mode, "pii_policy": pii, "injection_threshold": threshold, "context_injection_threshold": threshold,
			"enable_secret_redaction": true, "enable_response_filtering": true,
			"command_injection_detection":  detector(command, map[string]any{"patterns": patterns}),
			"social_engineering_detection": detector(social, map[string]any{"sensitivity": sensitivity}),
			"encoding_detection":           detector(other, nil), "network_detection": detector(other, nil),
			"filesystem_detection": map[string]any{"enabled": files != "", "action": map[bool]string{true: files, false: "log"}[files != ""]},
		}
	}
	switch name {
	case "strict":
		return all("block", "redact", 0.5, "block", "block", "block", "block", "strict", "high")
	case "balanced":
		return all("block", "redact", 0.7, "block", "warn", "warn", "", "default", "medium")
	case "observe":
		return all("log_only", "warn", 0.7, "warn", "warn", "warn", "warn", "default", "medium")
	}
	return nil
}

// spelled is a config with what its preset says, where it names one. A field beside it holds
// in the place of the preset's, and of a detector each by itself.
func spelled(v any) (any, *wrong) {
	in, ok := v.(map[string]any)
	if !ok {
		return v, nil
	}
	if in["preset"] == nil {
		delete(in, "preset")
		return v, nil
	}
	name, _ := in["preset"].(string)
	out := preset(name)
	if out == nil {
		return nil, &wrong{"preset", "takes strict, balanced or observe."}
	}
	for field, v := range in {
		was, both := out[field].(map[string]any)
		is, object := v.(map[string]any)
		if both && object {
			maps.Copy(was, is)
			continue
		}
		if v != nil {
			out[field] = v
		}
	}
	delete(out, "preset")
	return out, nil
}
