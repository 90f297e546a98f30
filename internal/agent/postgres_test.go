package agent_test

import "testing"

// TestPostgreSQL runs what asks the database most on the other engine.
func TestPostgreSQL(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"a new agent":          TestANewAgent,
		"agents that can't be": TestAgentsThatCanNotBe,
		"patches":              TestPatches,
		"who may do what":      TestWhoMayDoWhatToAnAgent,
		"a race for a key":     TestAHumanWinsTheRaceForAKey,
		"two renewals":         TestOfTwoRenewalsOfAKeyAtOnceOneSucceeds,
		"own renewals":         TestAnAgentRenewsItsKeyWithTheKeyAndSeldom,
		"caps of managers":     TestWhatAManagerSetOnlyAManagerLifts,
	} {
		t.Run(name, test)
	}
}
