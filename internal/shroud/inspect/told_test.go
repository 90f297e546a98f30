package inspect_test

import (
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
)

// What was replaced is told as that, secrets too, and keys are no person's data.
func TestWhatWasReplacedIsTold(t *testing.T) {
	const aws, token = "AKIAIOSFODNN7EXAMPLE", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
	leaks := func(n int64) activity.Finding {
		return activity.Finding{Detector: "secret_leak", Effect: activity.EffectRedacted, Count: n}
	}
	mails := func(e activity.Effect) activity.Finding {
		return activity.Finding{Detector: "pii", Effect: e, Count: 1}
	}
	m := maker(t)
	for name, c := range map[string]struct {
		config, text string
		want         []activity.Finding
		action       activity.Action
	}{
		"nothing":              {`{}`, "Hello", nil, ""},
		"a value of the vault": {`{}`, "It is " + known + " and " + known, []activity.Finding{leaks(1)}, activity.Redacted},
		"a token":              {`{}`, "It is " + token, []activity.Finding{leaks(1)}, activity.Redacted},
		"both":                 {`{}`, known + " " + token, []activity.Finding{leaks(2)}, activity.Redacted},
		"a key of AWS":         {`{}`, "It is " + aws, []activity.Finding{leaks(1)}, activity.Redacted},
		"a mail address":       {`{}`, "ann.lee@example.org", []activity.Finding{mails(activity.EffectRedacted)}, activity.Redacted},
		"one that is noted":    {`{"pii_policy":"warn"}`, "ann.lee@example.org", []activity.Finding{mails(activity.EffectWarned)}, activity.Warned},
	} {
		asked := session(t, m, c.config)
		if _, err := asked.Request(request(t, c.text)); err != nil {
			t.Fatal(err)
		}
		answer := session(t, m, c.config)
		if _, err := stream.Whole(answer.Rules(convo.Text), c.text); err != nil {
			t.Fatal(err)
		}
		for where, told := range map[string]activity.Request{"a request": asked.Told(), "an answer": answer.Told()} {
			if !slices.Equal(told.Findings, c.want) || told.Action != c.action {
				t.Errorf("%s in %s: %+v, %q; want %+v", name, where, told.Findings, told.Action, c.want)
			}
		}
	}
}
