package httpapi_test

import "testing"

// postgresTests is the parent of tests that run on PostgreSQL: see open.
const postgresTests = "TestPostgreSQL/"

// TestPostgreSQL runs what is about rights and what ends with them on the other
// database.
func TestPostgreSQL(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"what a credential made":           TestWhatACredentialMadeEndsWithIt,
		"what a login made":                TestWhatALoginMadeEndsWithIt,
		"a logout":                         TestALogoutKeepsWhatTheLoginMade,
		"tokens taken of agents":           TestATokenOfAnAgentEndsWithWhatTookIt,
		"what taken tokens made":           TestWhatATakenTokenMadeEndsWithTheRightToTakeIt,
		"whom a key invited":               TestAMemberInvitedByAStolenKeyIsNamed,
		"a demoted admin's policies":       TestADemotedAdminKeepsNoPolicyThatItMadeForItself,
		"a demoted admin's bindings":       TestADemotedAdminsAgentsAreBoundToNothingItDoesNotSee,
		"keys given by a removed admin":    TestAKeyThatARemovedAdminGaveEnds,
		"pins":                             TestAPinEndsWithWhatPinnedIt,
		"webhooks":                         TestARemovedOrDemotedAdminsWebhookEnds,
		"opening a gate":                   TestOpeningAGateTakesAPerson,
		"widening an agent over a gate":    TestWideningAnAgentOverAGateTakesAPerson,
		"a cascade lifts no gate":          TestACascadeLiftsNoGate,
		"the server's vault":               TestNobodyOwnsTheServersVault,
		"identity keys":                    TestIdentityKeysAreStoredWithTheirAgent,
		"what takes a person":              TestWhatTakesAPerson,
		"a stored device login":            TestAStoredDeviceLoginIsNoPerson,
		"a short credential":               TestWhatAShortCredentialMakesEndsWithIt,
		"sessions":                         TestSessionsAreListedAndEnded,
		"what ends elsewhere":              TestWhatEndsElsewhereIsToldThere,
		"a key that is a stored login":     TestAKeyThatIsAStoredLoginIsASession,
		"a logout and what was derived":    TestALogoutEndsWhatWasDerived,
		"a new password":                   TestANewPasswordEndsSessionsAndResetMails,
		"tokens of before a membership":    TestTokensOfBeforeAMembership,
		"devices of before a membership":   TestADeviceLetInBeforeAMembershipStaysOut,
		"an approval withdrawn":            TestAnApprovalIsWithdrawn,
		"an approval and its policy":       TestAnApprovalIsBoundToThePolicyAsItWas,
		"an approval and its decider":      TestAnApprovalEndsWithItsDeciderAndItsRequestersKey,
		"a pause after a denial":           TestADenialIsFollowedByAPause,
		"an agent's own vault":             TestAnAgentsOwnVaultIsNoWayRoundItsGate,
		"names of vaults":                  TestVaultNamesThatLookAlikeAreTaken,
		"vaults that agents are bound to":  TestAMemberBindsAgentsOnlyToVaultsItSees,
		"an agent's token":                 TestAnAgentsTokenTellsItsPatterns,
		"shares and gates":                 TestAShareMadeBeforeAGateLapses,
		"shares and their makers":          TestAShareNeverOutlivesItsMakersRight,
		"devices":                          TestADeviceIsLetInByALoginThatStands,
		"what a credential let do more":    TestWhatACredentialLetDoMoreEndsWithIt,
		"what an agent let do more":        TestWhatAnAgentLetDoMoreEndsWithItsKey,
		"what a demoted admin let do more": TestADemotedAdminKeepsNothingThatItLetDoMore,
		"a word is no cap":                 TestAWordIsNoCapOnPaths,
		"what a taken token let do more":   TestWhatATakenTokenLetDoMoreEndsWithTheRightToTakeIt,
		"shares to an address":             TestAShareToAMembersAddressEndsWithTheMembership,
		"destroying round a gate":          TestAnAgentDestroysNothingRoundItsGate,
		"destroying round one in person":   TestOnlyAPersonDestroysRoundItsGate,
		"a key and its owner":              TestAKeyNeitherEndsNorHidesItsOwnersLogins,
		"prolonged or let in":              TestWhatAStolenKeyProlongedOrLetInIsEndedOrNamed,
		"a rule that was removed":          TestARuleThatAStolenKeyRemovedIsNamed,
		"a short credential and agents":    TestAShortCredentialLetsNoAgentGoOn,
		"who was raised in role":           TestAMemberRaisedByAStolenLoginIsNamed,
		"approvals and caps":               TestARightThatComesBackBringsNoApprovalBack,
		"approvals that a key asked for":   TestAnApprovalEndsWithTheKeyThatAskedForIt,
		"approvals of an ended login":      TestAnApprovalEndsWithTheLoginThatGaveIt,
		"a demoted admin's inheritance":    TestADemotedAdminKeepsNoAgentThatItInherited,
		"what ends logins says":            TestWhatEndsLoginsSaysWhatEnded,
		"what a deleted account says":      TestADeletedAccountSaysWhatEnded,
		"widening one over a shared gate":  TestWideningAnAgentOverASharedGateTakesAPerson,
		"gates of a deleted account":       TestADeletedAccountLeavesItsGates,
		"damaged JSON in a column":         TestStoredJSONThatIsNoneIsNotSent,
		"a membership has no grace":        TestTokensOfBeforeAMembershipHaveNoGrace,
	} {
		t.Run(name, test)
	}
}
