package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// runConformance runs the suite. open returns an empty database that is closed with the
// test.
func runConformance(t *testing.T, open func(t *testing.T) *store.DB) {
	for name, test := range map[string]func(*testing.T, *fixture){
		"vaults are kept, listed by age and found by name":                     testVaults,
		"a vault goes with all that is in it and schedules the end of its key": testRemoveVault,
		"a large vault is cleared away by and by":                              testClearRemains,
		"a job is one holder's, and changes rows once":                         testJobs,
		"jobs take turns":                                                         testJobTurns,
		"jobs that are over are removed in time":                                  testJobsArePruned,
		"what was written since":                                                  testWrittenSince,
		"versions follow each other and nothing else":                             testVersions,
		"a secret's columns come back as they were stored":                        testColumns,
		"soft delete, restore and revival keep the numbers":                       testDeleteRestore,
		"purge removes the rows and never gives a number again":                   testPurge,
		"a listing pages by key, byte by byte":                                    testListing,
		"a search finds what has a text in its path, a stretch at a time":         testFind,
		"a vault gets a name that no other has":                                   testVaultChanges,
		"a listing stands still while rows come and go":                           testListingMoves,
		"a page of a listing ends after a MiB of metadata":                        testListingBySize,
		"a prefix is exact":                                                       testPrefix,
		"the last read goes to one of many readers":                               testSpend,
		"policies are stored, changed and removed in place":                       testGrants,
		"principals exist in their own organisation":                              testPrincipals,
		"a token is spent once":                                                   testSpendToken,
		"a right attempt takes back what was counted and no more":                 testRightAttempt,
		"who somebody at a provider is does not change":                           testLinks,
		"an agent comes with its keys or not at all":                              testAgentKeys,
		"agents are found by their issuer and client":                             testAgentsOfClients,
		"changes of vaults and policies move the epoch":                           testEpoch,
		"an invitation is kept, renewed and spent once":                           testInvitations,
		"an organisation keeps an owner":                                          testRoles,
		"a removed member leaves nothing that works":                              testRemoval,
		"attempts are counted exactly, and forgiven":                              testAttempts,
		"a clock that is set back bars nobody longer":                             testAClockSetBackBarsNobodyLonger,
		"a second factor's codes are accepted once":                               testFactors,
		"a mailed token sets one password":                                        testResets,
		"a vault remembers its last jobs":                                         testOldJobs,
		"tokens that humans took of agents":                                       testTaken,
		"a credential that made thousands ends with all of them":                  testThousands,
		"a member who comes back has nothing of before":                           testComeback,
		"IP rules are kept, checked with the others and removed":                  testIPRules,
		"events are read back newest first by every filter":                       testEvents,
		"a write and its event are one":                                           testOneTransaction,
		"checkpoints are kept in order and due when they should":                  testCheckpoints,
		"the chain is whole after parallel appends":                               testChain,
		"approval requests are kept, decided once and swept":                      testApprovals,
		"requests are shown to who asked and who may decide":                      testApprovalSight,
		"a use of an approval and its event are one":                              testSpendApproval,
		"an approval ends with all that it rests on":                              testApprovalEnds,
		"a request ends with its policy and its requester's key":                  testRequestEnds,
		"who was denied waits before it asks again":                               testPause,
		"an approval that ended is used by nobody who races":                      testApprovalRaces,
		"mails about requests go out in rounds":                                   testMails,
		"passkeys are kept, used with growing counts and removed":                 testPasskeys,
		"logins of browsers are kept, moved on and dropped":                       testBrowsers,
		"what agents lack is kept, and each path is asked for once":               testWanted,
		"requests for secrets are listed by status and agent":                     testWantedLists,
		"of many answers to a request for a secret one counts":                    testWantedOnce,
		"a request for a secret ends with its agent":                              testWantedEnds,
		"an agent asks for so many secrets":                                       testWantedBounds,
		"mails about requests for secrets are one claimer's":                      testWantedMails,
		"a notice is claimed by one and due until it is out":                      testNotices,
		"an organisation has one webhook":                                         testWebhooks,
		"text that is none is refused or kept, and harms nobody":                  testOddText,
		"shares are kept, given, claimed and taken back":                          testShares,
		"an organisation makes ten shares a minute":                               testSharesAMinute,
		"a share is read as often as it may, and no more":                         testSpendShare,
		"a payment is held, settled and served once":                              testPayments,
		"a hold on a payment ends by itself":                                      testPaymentHolds,
		"counts of requests add up, and the history is bounded":                   testUsage,
		"the ledger is exact under parallel writers":                              testLedger,
		"tiers, limits and settings come back as they were set":                   testTiers,
		"of many for the last places, so many win as there are":                   testCaps,
		"chains are seeded, unique and changed in place":                          testChains,
		"a freeze is over one agent or all, and an admin's stays one":             testFreezes,
		"of many at a limit so many get in as there is room, each with its nonce": testReserve,
		"a key of a request is taken once a day":                                  testReplayKey,
		"an agent has one signing key in use":                                     testSigningKeys,
		"rules of transactions are kept and held":                                 testGuardRules,
		"each chain has its own part of what is due":                              testDueOfEachChain,
		"an account goes with the version that it is of":                          testKeyAddresses,
	} {
		t.Run(name, func(t *testing.T) { test(t, &fixture{DB: open(t), org: ids.New()}) })
	}
}

// fixture is a database and the organisation that a test works in.
type fixture struct {
	*store.DB
	org string
}

var moment = time.Date(2026, 3, 4, 5, 6, 7, 890_123_000, time.UTC)

func (f *fixture) event() *audit.Event {
	return &audit.Event{
		ID: ids.New(), Org: f.org, At: moment, Action: "secret.write",
		ActorKind: "user", ActorID: ids.New(), Details: audit.Details{Outcome: audit.Success},
	}
}

func (f *fixture) newVault(name string) vault.Vault {
	return vault.Vault{
		ID: ids.New(), Org: f.org, Name: name, Description: "of " + name,
		CreatedBy: ids.New(), CreatedByKind: policy.KindUser, CreatedAt: moment,
	}
}

func (f *fixture) addVault(t *testing.T, name string) vault.Vault {
	t.Helper()
	v := f.newVault(name)
	must(t, f.AddVault(t.Context(), v, f.event()))
	return v
}

// version is a version to store, with rows that name themselves.
func version(vaultID, path string, n uint64) vault.Version {
	return vault.Version{
		Meta: vault.Meta{
			ID: ids.New(), Path: path, Type: "api_key", Version: n,
			Metadata: []byte(`{"n":1}`), CreatedAt: moment,
		},
		Vault: vaultID, Box: seal.Box{WrappedDEK: []byte(fmt.Sprintf("dek of %s %d", path, n)), Ciphertext: []byte{0, 1, 0xff, byte(n)}},
		RotationPolicy: []byte(`{}`), CreatedBy: "user:" + ids.New(),
	}
}

func (f *fixture) put(t *testing.T, vaultID, path string, n uint64) vault.Version {
	t.Helper()
	v := version(vaultID, path, n)
	must(t, f.PutVersion(t.Context(), f.org, v, f.event()))
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, what string, err error, code string) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != code {
		t.Errorf("%s: got %v, want %s", what, err, code)
	}
}
