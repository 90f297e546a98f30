package transaction_test

import (
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
	"github.com/oneclaw-dev/oneclaw/internal/intents/simulate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// onBoth runs a test on a bench of each real node.
func onBoth(t *testing.T, test func(b *bench)) {
	t.Run("anvil", func(t *testing.T) { test(open(t)) })
	t.Run("geth", func(t *testing.T) { test(openOn(t, evmnode.Geth(t))) })
}

// calldata is a call of a function with arguments.
func (b *bench) calldata(signature string, args ...abi.Value) []byte {
	b.t.Helper()
	f, err := abi.ParseSignature(signature)
	b.must(err)
	data, err := f.Encode(args...)
	b.must(err)
	return data
}

// calls is a draft of a call of a contract.
func (b *bench) calls(contract evm.Address, signature string, args ...abi.Value) transaction.Draft {
	b.t.Helper()
	return pay("0", func(d *transaction.Draft) {
		d.To, d.Data = contract.String(), "0x"+hex.EncodeToString(b.calldata(signature, args...))
	})
}

// creates has the agent create a contract, whose constructor takes the arguments.
func (b *bench) creates(name, constructor string, args ...abi.Value) evm.Address {
	b.t.Helper()
	b.rules(`{"allow_creation": true}`)
	code := append(evmnode.Contract(b.t, name), b.calldata(constructor, args...)[4:]...)
	tx := b.submit(pay("0", func(d *transaction.Draft) { d.To, d.Data = "", "0x"+hex.EncodeToString(code) }), transaction.Broadcast)
	made := b.node.Mined(b.t, tx.Hash)
	if made == nil {
		b.t.Fatalf("%s was not created", name)
	}
	return *made
}

// does submits a draft and wants it in a block.
func (b *bench) does(d transaction.Draft) {
	b.t.Helper()
	b.node.Mined(b.t, b.submit(d, transaction.Broadcast).Hash)
}

// asks is what a function of a contract returns as its first word.
func (b *bench) asks(contract evm.Address, signature string, args ...abi.Value) *uint256.Int {
	b.t.Helper()
	var out string
	b.node.Call(b.t, &out, "eth_call", map[string]any{"to": contract, "data": "0x" + hex.EncodeToString(b.calldata(signature, args...))}, "latest")
	word, err := hex.DecodeString(out[2:])
	b.must(err)
	return new(uint256.Int).SetBytes(word[:32])
}

// shows is what a simulation says a draft would change.
func (b *bench) shows(d transaction.Draft) []simulate.Change {
	b.t.Helper()
	got, err := b.svc.Simulate(b.t.Context(), b.Call(b.payer, policy.SimulateTransaction), b.payer.ID, []transaction.Draft{d})
	b.must(err)
	if got[0].Status != simulate.Success {
		b.t.Fatalf("the simulation says %+v", got[0])
	}
	return got[0].Changes
}

func (b *bench) address(s string) evm.Address {
	b.t.Helper()
	a, err := evm.ParseAddress(s)
	b.must(err)
	return a
}

// moves wants what changes in a simulation to be one token that goes from the agent to the
// payee.
func (b *bench) moves(what string, got []simulate.Change, token evm.Address, id *uint256.Int, amount uint64) {
	b.t.Helper()
	same := func(a, b *uint256.Int) bool { return a == nil && b == nil || a != nil && b != nil && a.Eq(b) }
	for i, who := range []evm.Address{b.from, b.address(payee)} {
		if len(got) != 2 || got[i].Account != who || got[i].Less != (i == 0) || got[i].Token != token || !got[i].Amount.Eq(uint256.NewInt(amount)) || !same(got[i].TokenID, id) {
			b.t.Errorf("%s changes %+v", what, got)
			return
		}
	}
}

// lets wants what changes to be that the stranger may take from the agent.
func (b *bench) lets(what string, got []simulate.Change, token evm.Address, amount *uint256.Int) {
	b.t.Helper()
	if len(got) != 1 || got[0].Account != b.from || got[0].Token != token || got[0].Spender == nil || *got[0].Spender != b.address(stranger) || !got[0].Amount.Eq(amount) {
		b.t.Errorf("%s changes %+v", what, got)
	}
}

// unlimited wants the guard to read a call as one that lets the stranger take all, to ask a
// human about it, and to refuse it where the agent may use no token without a limit.
func (b *bench) unlimited(d transaction.Draft) {
	b.t.Helper()
	b.rules(`{"approval": {"require_for_unlimited_approvals": true}}`)
	trial, err := b.svc.Try(b.t.Context(), b.Call(b.owner, policy.ReadGuard), b.payer.ID, d)
	b.must(err)
	if !trial.Allowed || len(trial.NeedsApproval) != 1 || len(trial.Effects) != 1 {
		b.t.Errorf("tried, it is %+v", trial)
	}
	_, _, err = b.try(d)
	b.refused("without a human", err, fault.Denied, "approval_required")
	b.rules(`{"refuse_other_tokens": true}`)
	_, _, err = b.try(d)
	b.refused("of a token without a limit", err, fault.Denied, "guardrail_refuse_other_tokens")
}

func TestERC20OnRealNodes(t *testing.T) {
	onBoth(t, func(b *bench) {
		me, to, other := abi.OfAddress(b.from), abi.OfAddress(b.address(payee)), abi.OfAddress(b.address(stranger))
		coin := b.creates(evmnode.ERC20, "x(string,string)", abi.OfString("Test coin"), abi.OfString("TST"))
		b.does(b.calls(coin, "mint(address,uint256)", me, abi.OfUint64(1000)))
		transfer := b.calls(coin, "transfer(address,uint256)", to, abi.OfUint64(100))
		got := b.shows(transfer)
		b.moves("a transfer", got, coin, nil, 100)
		if got[0].Symbol != "TST" || got[0].Decimals != 18 {
			b.t.Errorf("the token is %s with %d decimals", got[0].Symbol, got[0].Decimals)
		}
		approve := b.calls(coin, "approve(address,uint256)", other, abi.OfUint64(50))
		b.lets("an approval", b.shows(approve), coin, uint256.NewInt(50))
		b.rules(`{"tokens": [{"chain_id": ` + uint256.NewInt(b.node.Chain).Dec() + `, "token": "` + coin.String() + `", "per_day": "150"}]}`)
		b.does(transfer)
		b.does(approve)
		if has, may := b.asks(coin, "balanceOf(address)", to), b.asks(coin, "allowance(address,address)", me, other); has.Uint64() != 100 || may.Uint64() != 50 {
			b.t.Errorf("the payee has %s, and %s may be taken", has.Dec(), may.Dec())
		}
		_, _, err := b.try(b.calls(coin, "transfer(address,uint256)", to, abi.OfUint64(1)))
		b.refused("one more, with what was approved", err, fault.Denied, "guardrail_tokens")
		b.rules(`{}`)
		_, _, err = b.try(b.calls(coin, "transfer(address,uint256)", to, abi.OfUint64(901)))
		b.refused("more than there is", err, fault.Unprocessable, "would_revert")
		b.unlimited(b.calls(coin, "approve(address,uint256)", other, abi.OfUint(new(uint256.Int).SetAllOne())))
	})
}

func TestERC721OnRealNodes(t *testing.T) {
	onBoth(t, func(b *bench) {
		me, to, other := abi.OfAddress(b.from), abi.OfAddress(b.address(payee)), abi.OfAddress(b.address(stranger))
		art := b.creates(evmnode.ERC721, "x(string,string,string)", abi.OfString("Test art"), abi.OfString("ART"), abi.OfString("https://art.example/"))
		for range 2 { // the ids 0 and 1
			b.does(b.calls(art, "mint(address)", me))
		}
		one := uint256.NewInt(1)
		transfer := b.calls(art, "safeTransferFrom(address,address,uint256)", me, to, abi.OfUint64(1))
		b.moves("a transfer", b.shows(transfer), art, one, 1)
		got := b.shows(b.calls(art, "approve(address,uint256)", other, abi.OfUint64(1)))
		b.lets("an approval", got, art, one)
		if got[0].TokenID == nil || !got[0].TokenID.Eq(one) {
			b.t.Errorf("it is of %+v", got[0])
		}
		all := b.calls(art, "setApprovalForAll(address,bool)", other, abi.OfBool(true))
		b.lets("an approval of all", b.shows(all), art, new(uint256.Int).SetAllOne())
		b.unlimited(all)
		b.rules(`{}`)
		b.does(transfer)
		if owner := b.asks(art, "ownerOf(uint256)", abi.OfUint64(1)); owner.Bytes20() != [20]byte(b.address(payee)) {
			b.t.Errorf("the owner is %s", owner.Hex())
		}
	})
}

func TestERC1155OnRealNodes(t *testing.T) {
	onBoth(t, func(b *bench) {
		me, to, other, none := abi.OfAddress(b.from), abi.OfAddress(b.address(payee)), abi.OfAddress(b.address(stranger)), abi.OfBytes(nil)
		items := b.creates(evmnode.ERC1155, "x(string)", abi.OfString("https://items.example/"))
		for id := range uint64(2) {
			b.does(b.calls(items, "mint(address,uint256,uint256,bytes)", me, abi.OfUint64(id), abi.OfUint64(100), none))
		}
		transfer := b.calls(items, "safeTransferFrom(address,address,uint256,uint256,bytes)", me, to, abi.OfUint64(1), abi.OfUint64(40), none)
		b.moves("a transfer", b.shows(transfer), items, uint256.NewInt(1), 40)
		batch := b.shows(b.calls(items, "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)", me, to,
			abi.OfList(abi.OfUint64(0), abi.OfUint64(1)), abi.OfList(abi.OfUint64(3), abi.OfUint64(4)), none))
		var amounts []uint64
		for _, c := range batch {
			if c.Token != items || c.TokenID == nil || c.Amount.Uint64() != 3+c.TokenID.Uint64() {
				b.t.Errorf("a batch changes %+v", c)
			}
			amounts = append(amounts, c.Amount.Uint64())
		}
		if slices.Sort(amounts); !slices.Equal(amounts, []uint64{3, 3, 4, 4}) {
			b.t.Errorf("a batch moves %v", amounts)
		}
		all := b.calls(items, "setApprovalForAll(address,bool)", other, abi.OfBool(true))
		b.lets("an approval of all", b.shows(all), items, new(uint256.Int).SetAllOne())
		b.unlimited(all)
		b.rules(`{}`)
		b.does(transfer)
		if has := b.asks(items, "balanceOf(address,uint256)", to, abi.OfUint64(1)); has.Uint64() != 40 {
			b.t.Errorf("the payee has %s", has.Dec())
		}
	})
}

// TestAnIncreaseCountsWithWhatTheChainAllowsAlready: days apart, and each below what is asked about.
func TestAnIncreaseCountsWithWhatTheChainAllowsAlready(t *testing.T) {
	onBoth(t, func(b *bench) {
		coin := b.creates(evmnode.ERC20, "x(string,string)", abi.OfString("Test coin"), abi.OfString("TST"))
		b.rules(`{"approval": {"require_for_unlimited_approvals": true}}`)
		quarter := abi.OfUint(new(uint256.Int).Lsh(uint256.NewInt(1), 94))
		raise := func(who string) transaction.Draft {
			return b.calls(coin, "increaseAllowance(address,uint256)", abi.OfAddress(b.address(who)), quarter)
		}
		b.does(raise(stranger))
		b.Clock.Forward(25 * time.Hour)
		_, _, err := b.try(raise(stranger))
		b.refused("a day later", err, fault.Denied, "approval_required")
		trial, err := b.svc.Try(b.t.Context(), b.Call(b.owner, policy.ReadGuard), b.payer.ID, raise(stranger))
		b.must(err)
		if len(trial.NeedsApproval) != 1 {
			b.t.Errorf("tried, it needs %q", trial.NeedsApproval)
		}
		b.does(raise(payee))
		_, _, err = b.try(b.calls(coin, "approve(address,uint256)", abi.OfAddress(b.address(payee)), abi.OfUint(meaning.Most96())))
		b.refused("all of a token of 96 bits", err, fault.Denied, "approval_required")
		silent := b.calls(b.address(payee), "increaseAllowance(address,uint256)", abi.OfAddress(b.address(stranger)), abi.OfUint64(1))
		_, _, err = b.try(silent)
		b.refused("of what names no allowance", err, fault.Denied, "approval_required")
	})
}
