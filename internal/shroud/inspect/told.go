package inspect

import (
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
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
			effect = activity.EffectWarned
			raise(activity.Redacted)
		case "log":
			raise(activity.Logged)
		default:
			effect = activity.EffectWarned
			raise(activity.Warned)
		}
		r.Findings = added(r.Findings, f.Threat, effect)
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

func added(all []activity.Finding, detector string, effect activity.Effect) []activity.Finding {
	for i := range all {
		if all[i].Detector == detector && all[i].Effect == effect {
			all[i].Count++
			return all
		}
	}
	return append(all, activity.Finding{Detector: detector, Effect: effect, Count: 1})
}
