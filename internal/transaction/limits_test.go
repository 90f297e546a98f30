package transaction_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

func limited(eth string) func(*agent.Agent) {
	return func(a *agent.Agent) { a.Guardrails.DailyLimitETH = eth }
}

// spent is what counts against the limits of the agent, in coins.
func (b *bench) spent() string {
	b.t.Helper()
	wei, err := uint256.FromDecimal(b.spentOf("native"))
	b.must(err)
	return evm.FormatETH(wei)
}

// spentOf is what counts of an asset, in its smallest unit.
func (b *bench) spentOf(asset string) string {
	b.t.Helper()
	var sum uint256.Int
	b.Each(`SELECT amount FROM spends WHERE agent_id = ? AND asset = ? AND minute >= ?`, func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		n, err := evm.ParseUnits(text, 0)
		sum.Add(&sum, &n)
		return err
	}, b.payer.ID, asset, b.Clock.Now().Add(-24*time.Hour).Unix()/60)
	return sum.Dec()
}

func TestTheDailyLimitLooksBack24Hours(t *testing.T) {
	b := open(t, limited("1"))
	b.submit(pay("0.6"), transaction.Broadcast)
	b.Clock.Forward(12 * time.Hour)
	b.submit(pay("0.4"), transaction.Broadcast)
	_, _, err := b.try(pay("0.000000000000000001"))
	b.refused("a wei over", err, fault.Denied, "guardrail_tx_daily_limit_eth")
	b.Clock.Forward(12*time.Hour - time.Minute)
	_, _, err = b.try(pay("0.1"))
	b.refused("before the day is over", err, fault.Denied, "guardrail_tx_daily_limit_eth")
	b.Clock.Forward(3 * time.Minute)
	b.submit(pay("0.6"), transaction.Broadcast)
	_, _, err = b.try(pay("0.1"))
	b.refused("over again", err, fault.Denied, "guardrail_tx_daily_limit_eth")
}

func TestGasCountsWhereTheRulesSaySo(t *testing.T) {
	b := open(t, limited("1"))
	b.submit(pay("0.5"), transaction.Broadcast)
	if got := b.spent(); got != "0.5" {
		t.Errorf("%s is counted, want the value alone", got)
	}
	b.rules(`{"gas_counts": true, "max_fee": "1000000000000000000"}`)
	_, _, err := b.try(pay("0.5"))
	b.refused("with gas", err, fault.Denied, "guardrail_tx_daily_limit_eth")
	b.submit(pay("0.1", gas(21000), func(d *transaction.Draft) { d.GasPrice = "10000000000" }), transaction.Broadcast)
	if got := b.spent(); got != "0.60021" {
		t.Errorf("%s is counted, want 0.5, 0.1 and 21000 times 10 gwei", got)
	}
}

func TestWhatWasNotSignedDoesNotCountAsATransactionOfTheDay(t *testing.T) {
	b := open(t)
	b.node.Call(t, nil, "anvil_setCode", stranger, "0x60006000fd")
	b.rules(`{"max_per_day": 1}`)
	failed := pay("0.1", func(d *transaction.Draft) { d.To, d.SimulateFirst = stranger, true })
	b.submit(failed, transaction.SimulationFailed)
	b.submit(pay("0.1"), transaction.Broadcast)
	_, _, err := b.try(pay("0.1"))
	b.refused("a second", err, fault.Denied, "guardrail_max_per_day")
}

// Who misspells a rule is told which, and nothing of the value beside it is repeated.
func TestRulesThatAreNotKnownAreNamed(t *testing.T) {
	b := open(t)
	for text, want := range map[string]string{
		`{"gas_count": "hunter2"}`:                            "no field gas_count.",
		`{"approval": {"require_above": "hunter2"}}`:          "no field require_above.",
		`{"gas_counts": "hunter2"}`:                           "The field gas_counts of the rules has a value that is not possible there.",
		`{"max_per_day": {"hunter2": 1}}`:                     "The field max_per_day of the rules has a value that is not possible there.",
		`{"approval": {"require_above_native": "0.hunter2"}}`: "The field approval.require_above_native of the rules has a value that is not possible there. Amounts are whole numbers in the smallest unit (wei), in quotes.",
		`{"max_fee": "hunter2"}`:                              "The field max_fee of the rules",
		`{"hunter2": 1}`:                                      "a field that is not known",
		`{"hunter2 and more": 1}`:                             "a field that is not known",
		`{"` + strings.Repeat("hunter2", 10) + `": true}`:     "a field that is not known",
		`[]`: "a field that is not known",
	} {
		_, err := b.svc.SetGuard(t.Context(), b.Call(b.Here(b.owner), policy.UpdateGuard), b.payer.ID, []byte(text))
		if fault.CodeOf(err) != "invalid_guard_rules" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// What the rules refuse needs no node to be tried.
func TestARuleAnswersAlsoWhereNoNodeIsSet(t *testing.T) {
	b := open(t, func(a *agent.Agent) { a.Guardrails.AllowedChains = []string{"anvil"} })
	try := func(d transaction.Draft) (transaction.Trial, error) {
		return b.svc.Try(t.Context(), b.Call(b.payer, policy.ReadGuard), b.payer.ID, d)
	}
	other := pay("0.1", func(d *transaction.Draft) { d.Chain = "base" })
	if got, err := try(other); err != nil || got.Allowed || got.Rule != "tx_allowed_chains" {
		t.Errorf("another chain: %+v, %v", got, err)
	}
	b.hire()
	_, err := try(other)
	b.refused("a chain that it may use", err, fault.Unprocessable, "no_rpc")
}

func TestADenialNamesItsRuleAndWhatWasAskedFor(t *testing.T) {
	b := open(t, func(a *agent.Agent) { a.Guardrails.MaxValueETH = "0.1" })
	_, _, err := b.try(pay("0.2"))
	b.refused("too much", err, fault.Denied, "guardrail_tx_max_value_eth")
	if fault.ReasonOf(err) != "guard:tx_max_value_eth" {
		t.Errorf("the reason is %q", fault.ReasonOf(err))
	}
	c := b.Call(b.payer, policy.SubmitTransaction)
	_, _, err = b.svc.Submit(t.Context(), c, b.payer.ID, pay("0.2"))
	b.refused("too much", err, fault.Denied, "guardrail_tx_max_value_eth")
	for _, f := range []audit.Field{audit.Text("to", payee), audit.Text("value_wei", "200000000000000000"), audit.Text("chain", "anvil")} {
		if !slices.Contains(c.Event.Details.More, f) {
			t.Errorf("the event says %+v", c.Event.Details.More)
		}
	}
}

// parallel runs f so often at once.
func parallel(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

func TestParallelSubmissionsAtTheCapAreNeverOver(t *testing.T) { capped(t) }

func TestPostgreSQL(t *testing.T) {
	t.Run("ParallelSubmissionsAtTheCapAreNeverOver", capped)
	t.Run("ParallelSubmissionsAtTheCountOfADayAreNeverOver", countedADay)
	t.Run("AFieldThatTightensBeforeTheReservationHolds", tightens)
	t.Run("TwoNodesGiveConsecutiveNonces", consecutive)
	t.Run("AMessageThatCouldNotBeSignedTakesNothing", unsignedMessage)
	t.Run("ARightThatEndsBeforeTheSignatureLeaves", endsBefore)
	t.Run("ARightThatEndsBeforeAMessagesSignatureLeaves", endsBeforeMessage)
	t.Run("ARightThatEndsBeforeTheSend", endsBeforeSend)
	t.Run("AnApprovalEndsWithItsHourAndWithWhatItRestsOn", approvalEnds)
	t.Run("AnApprovalThatEndsWhileTheKeySigns", approvalEndsMeanwhile)
	t.Run("ASpeedUpIsTakenInsteadAndCountsOnce", speedUps)
	t.Run("ACancelledTransactionIsGivenBack", cancels)
	t.Run("TwoReplacementsAtOnce", replacementsAtOnce)
	t.Run("WhatIsSubmittedAgainIsOneTransaction", submittedAgain)
	t.Run("ARightThatEndsBeforeAReplacementLeaves", endsBeforeReplacement)
	t.Run("AFreezeIsHeardOnTheOtherNode", heard)
	t.Run("ADenialHoldsForTheLike", denied)
	t.Run("AnOwnerCancelsForAnAgentThatIsStopped", cancelsStopped)
	t.Run("WhatWasNeverSentIsDiscarded", discards)
	t.Run("AnAgentDoesNotOutbidAPersonsCancel", outbids)
	t.Run("AGapBelowWhatWaitsIsFilled", fillsGap)
	t.Run("AChainThatWasStartedAnewIsToldAndStartedAnew", startsAnew)
	t.Run("AGapIsFilledWithinTheRulesOfItsAgent", fillsWithin)
	t.Run("APersonCancelsWithTheKeyThatSigned", cancelsWithOldKey)
	t.Run("APersonCancelsWithAKeyOfAVault", cancelsWithVaultKey)
	t.Run("ADeletedKeyStopsWhatItSigned", deletedKeyStops)
	t.Run("ARecipientIsKnownOnItsChain", knownOnItsChain)
	t.Run("ARecipientThatGotNothingStaysNew", staysNew)
	t.Run("ASpeedUpAsksWhatTheRulesAskNow", asksNow)
	t.Run("APersonCancelsWhatWasHandedOut", cancelsHandedOut)
}

func capped(t *testing.T) {
	b := open(t, limited("1"))
	var mu sync.Mutex
	passed := 0
	parallel(200, func(i int) {
		err := b.insist(b.svc, pay("0.1", replayKey(strconv.Itoa(i)), gas(21000), func(d *transaction.Draft) { d.GasPrice = "2000000000" }))
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			passed++
		} else {
			b.refused("over", err, fault.Denied, "guardrail_tx_daily_limit_eth")
		}
	})
	if passed != 10 || b.spent() != "1" {
		t.Errorf("%d passed and %s is counted, want 10 and 1", passed, b.spent())
	}
	b.got("1")
}

// consecutive submits on two nodes of the server at once.
func consecutive(t *testing.T) {
	b := open(t)
	other := b.service(b.OtherNode())
	parallel(100, func(i int) {
		on := b.svc
		if i%2 == 1 {
			on = other
		}
		d := pay("0.01", replayKey(strconv.Itoa(i)), gas(21000), func(d *transaction.Draft) { d.GasPrice = "2000000000" })
		if err := b.insist(on, d); err != nil {
			t.Error(err)
		}
	})
	b.node.Mine(t, 1)
	b.look(3)
	b.got("1")
	if n, most := b.count(`SELECT COUNT(DISTINCT nonce) FROM transactions`), b.count(`SELECT MAX(nonce) FROM transactions`); n != 100 || most != 99 {
		t.Errorf("there are %d nonces up to %d", n, most)
	}
	if n := b.count(`SELECT COUNT(*) FROM transactions WHERE mined = 'success'`); n != 100 {
		t.Errorf("%d are in blocks", n)
	}
}
