package account_test

import "testing"

// TestPostgreSQL runs what asks the database most on the other engine.
func TestPostgreSQL(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"one account":         TestOneAddressHasOneAccount,
		"confirmed addresses": TestAddressesAreConfirmedFirst,
		"a token spent once":  TestAMailedTokenIsSpentOnce,
		"the first owner":     TestTheFirstOwnerIsMadeOnce,
		"setup":               TestAServerIsSetUpOnceWithACodeOfItsStart,
		"profile":             TestProfile,
		"personal keys":       TestPersonalKeys,
		"hashes":              TestLoginHashesAgainWhenTheParametersChanged,
		"races":               TestTheDatabaseDecidesRaces,
		"keys of keys":        TestKeysMadeWithKeysEndTogether,
	} {
		t.Run(name, test)
	}
}
