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
		"fields of later versions":           {`{"later":1,"network_detection":{"later":[]}}`, `{"network_detection":{}}`},
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
