package identity_test

import "testing"

// TestPostgreSQL runs what asks the database most on the other engine.
func TestPostgreSQL(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"revocation":   TestRevocationBitesAtOnce,
		"sessions":     TestSessions,
		"times of use": TestTimesOfUseAreWrittenInTheBackground,
	} {
		t.Run(name, test)
	}
}
