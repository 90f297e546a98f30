package transaction

import (
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// maxMoves is how many effects an event names.
const maxMoves = 8

// moves says in an event what a transaction or a signature would move or allow: kind, token,
// recipient and amount of each.
func moves(m *meaning.Meaning) []audit.Field {
	return []audit.Field{audit.Text("effects", strings.Join(effects(m), " "))}
}

func effects(m *meaning.Meaning) []string {
	var parts []string
	for i, e := range m.Effects {
		if i == maxMoves {
			parts = append(parts, "more")
			break
		}
		amount := e.Amount.Dec()
		if e.Unlimited {
			amount = "unlimited"
		}
		token := "native"
		if !e.Token.IsZero() {
			token = e.Token.String()
		}
		parts = append(parts, strings.Join([]string{string(e.Kind), token, e.To.String(), amount}, ":"))
	}
	return parts
}
