package inspect

import (
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/pii"
)

// Told is what the activity says of the call: kinds and numbers.
func (s *Session) Told() activity.Request {
	r := activity.Request{Action: activity.Allowed, SecretsRedacted: s.secrets, PII: s.pii, Injection: s.score, Filtered: s.filtered}
	raise := func(to activity.Action) {
		if rank(to) > rank(r.Action) {
			r.Action = to
		}
	}
	if s.secrets {
		raise(activity.Redacted)
	}
	for _, f := range s.found {
		effect := activity.EffectLogged
		switch f.Action {
		case "block":
			effect = activity.EffectBlocked
			r.Violations = append(r.Violations, f.Threat)
			raise(activity.Blocked)
		case "sanitize", "redact":
			effect = activity.EffectRedacted
			raise(activity.Redacted)
		case "log":
			raise(activity.Logged)
		default:
			effect = activity.EffectWarned
			raise(activity.Warned)
		}
		detector := f.Threat
		if key(f.Pattern) {
			detector = string(finding.Leak) // no person's data
		}
		r.Findings = added(r.Findings, detector, effect, 1)
	}
	if n := int64(len(s.hidden)); n > 0 {
		r.Findings = added(r.Findings, string(finding.Leak), activity.EffectRedacted, n)
	}
	if s.stopped != "" {
		raise(activity.Blocked)
	}
	if r.Action == activity.Allowed {
		r.Action = "" // whoever settles knows whether there was an answer
	}
	return r
}

func rank(a activity.Action) int {
	for i, of := range activity.Actions() {
		if of == a {
			return i
		}
	}
	return 0
}

func added(all []activity.Finding, detector string, effect activity.Effect, count int64) []activity.Finding {
	for i := range all {
		if all[i].Detector == detector && all[i].Effect == effect {
			all[i].Count += count
			return all
		}
	}
	return append(all, activity.Finding{Detector: detector, Effect: effect, Count: count})
}

// key says whether a kind of personal data is a key of a machine.
func key(kind string) bool { return kind == pii.AWSKey || kind == pii.PrivateKey }

// hid notes that a secret was replaced: one of a path, or of a shape.
func (s *Session) hid(what string) {
	s.secrets = true
	if s.hidden == nil {
		s.hidden = map[string]bool{}
	}
	if len(s.hidden) < maxFindings {
		s.hidden[what] = true
	}
}
