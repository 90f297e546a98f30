package transaction_test

import (
	"os"
	"regexp"
	"testing"
)

func TestTheRulesInTheDocumentationAreTaken(t *testing.T) {
	b := open(t)
	text, err := os.ReadFile("../../docs/transactions.md")
	b.must(err)
	examples := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1)
	if len(examples) != 8 {
		t.Errorf("there are %d examples", len(examples))
	}
	for _, e := range examples {
		b.rules(string(e[1]))
	}
}
