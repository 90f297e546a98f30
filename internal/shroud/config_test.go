package shroud

import (
	"strings"
	"testing"
)

func TestShroudConfigHasOneSpelling(t *testing.T) {
	const bad = "invalid"
	for name, test := range map[string]struct{ in, out string }{
		"nothing":                            {"", ""},
		"null":                               {"null", ""},
		"an empty object":                    {"{}", "{}"},
		"fields of later versions":           {`{"output_policy":{"x":1},"streaming_inspection_mode":"holdback","network_detection":{}}`, `{"network_detection":{}}`},
		"null is the default":                {`{"pii_policy":null,"threat_logging":null}`, `{}`},
		"the skill's mode":                   {`{"sanitization_mode":"sanitize"}`, `{"sanitization_mode":"surgical"}`},
		"the skill's other mode":             {`{"sanitization_mode":"warn"}`, `{"sanitization_mode":"log_only"}`},
		"the skill's strictness":             {`{"command_injection_detection":{"strictness":"relaxed"}}`, `{"command_injection_detection":{"patterns":"default"}}`},
		"both spellings":                     {`{"command_injection_detection":{"strictness":"relaxed","patterns":"strict"}}`, `{"command_injection_detection":{"patterns":"strict"}}`},
		"the skill's unicode detection":      {`{"encoding_detection":{"detect_unicode":false}}`, `{"encoding_detection":{"detect_unicode_escape":false}}`},
		"numbers stay as they are":           {`{"daily_budget_usd":1.5,"injection_threshold":0,"max_requests_per_day":3}`, `{"daily_budget_usd":1.5,"injection_threshold":0,"max_requests_per_day":3}`},
		"lists":                              {`{"allowed_models":["a","b"],"denied_models":[]}`, `{"allowed_models":["a","b"],"denied_models":[]}`},
		"the other words for lists of tools": {`{"tool_call_inspection":{"allowlist":["a"],"denied_tools":["b"]}}`, `{"tool_call_inspection":{"allowed_tools":["a"],"blocked_tools":["b"]}}`},
		"an action that tools do not have":   {`{"tool_call_inspection":{"action":"sanitize"}}`, bad},
		"bodies as text":                     {`{"inspect_as_text":true}`, `{"inspect_as_text":true}`},
		"an unknown preset":                  {`{"preset":"loose"}`, bad},
		"a preset that is no text":           {`{"preset":1}`, bad},
		"no preset":                          {`{"preset":null}`, `{}`},
		"no object":                          {`[]`, bad},
		"a text":                             {`"x"`, bad},
		"not JSON":                           {`{`, bad},
		"an unknown word":                    {`{"pii_policy":"maybe"}`, bad},
		"a ratio above one":                  {`{"injection_threshold":1.1}`, bad},
		"a negative count":                   {`{"max_tokens_per_request":-1}`, bad},
		"a fraction of a request":            {`{"max_requests_per_minute":1.5}`, bad},
		"a text for a flag":                  {`{"threat_logging":"yes"}`, bad},
		"a list with a number":               {`{"allowed_models":[1]}`, bad},
		"a long text in a list":              {`{"allowed_models":["` + strings.Repeat("x", 600) + `"]}`, bad},
		"a bad part":                         {`{"filesystem_detection":{"action":"decode"}}`, bad},
		"a list for a part":                  {`{"filesystem_detection":[]}`, bad},
	} {
		out, err := Config(test.in).Checked()
		if test.out == bad {
			if err == nil {
				t.Errorf("%s: accepted as %s", name, out)
			}
			continue
		}
		if err != nil || string(out) != test.out {
			t.Errorf("%s: got %s, %v; want %s", name, out, err, test.out)
		}
		if again, err := out.Checked(); err != nil || string(again) != test.out {
			t.Errorf("%s: its own form became %s, %v", name, again, err)
		}
	}
}

// Later versions of the contract have more fields, and their clients send them.
func TestAFieldOfALaterVersionIsTaken(t *testing.T) {
	for _, config := range []string{`{"later_field":1,"pii_policy":"warn"}`, `{"pii_policy":"warn","network_detection":{"later":[]}}`} {
		if out, err := Config(config).Checked(); err != nil || !strings.Contains(string(out), `"pii_policy":"warn"`) || strings.Contains(string(out), "later") {
			t.Errorf("%s: %s, %v", config, out, err)
		}
	}
}

// A limit that somebody misspelt, or gave a value of another kind, must not go missing
// without a word.
func TestARefusedFieldOfShroudConfigIsNamed(t *testing.T) {
	for config, want := range map[string]string{
		`{"daily_budget":0.01}`:                                     "In shroud_config daily_budget is not known. Is daily_budget_usd meant?",
		`{"dailyBudgetUsd":1}`:                                      "In shroud_config dailyBudgetUsd is not known. Is daily_budget_usd meant?",
		`{"network_detection":{"blocked":[]}}`:                      "In shroud_config network_detection.blocked is not known. Is blocked_domains meant?",
		`{"daily_budget_usd":"5"}`:                                  "In shroud_config daily_budget_usd takes a number from 0 to 1000000000000.",
		`{"injection_threshold":7}`:                                 "In shroud_config injection_threshold takes a number from 0 to 1.",
		`{"max_requests_per_day":1.5}`:                              "In shroud_config max_requests_per_day takes a whole number.",
		`{"sanitization_mode":"off"}`:                               "In shroud_config sanitization_mode takes block, log_only or surgical.",
		`{"tool_call_inspection":{"denylist":"rm"}}`:                "In shroud_config tool_call_inspection.denylist takes a list of at most 1,000 texts of at most 512 bytes.",
		`{"command_injection_detection":"off"}`:                     "In shroud_config command_injection_detection takes an object.",
		`{"preset":"loose"}`:                                        "In shroud_config preset takes strict, balanced or observe.",
		`{"preset":"strict","filesystem_detection":{"action":"x"}}`: "In shroud_config filesystem_detection.action takes block, sanitize, warn or log.",
		`7`: "shroud_config is an object.",
	} {
		if out, err := Config(config).Checked(); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %s, %v; want %s", config, out, err, want)
		}
	}
}
