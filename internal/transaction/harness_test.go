package transaction_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// payee gets what the tests pay. secretKey is a key of a vault.
const (
	payee     = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
	stranger  = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
	secretKey = "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"
)

// bench is an agent with an account on a chain of its own, and what it takes to pay.
type bench struct {
	*world.World
	t      *testing.T
	node   *evmnode.Node
	gate   *gateway // between server and node
	svc    *transaction.Service
	keys   *signingkey.Service
	boss   policy.Principal // of the platform
	owner  policy.Principal
	payer  policy.Principal // the agent
	token  string           // it comes with
	hired  int
	from   evm.Address      // its account
	seen   transaction.Keys // what signs
	stored transaction.Store
}

// open makes a bench on anvil, whose agent has a key in the keystore and 1,000 coins.
func open(t *testing.T, change ...func(*agent.Agent)) *bench {
	t.Helper()
	return openOn(t, evmnode.Anvil(t), change...)
}

// openOn makes a bench on a node. The chain has the same name on all.
func openOn(t *testing.T, node *evmnode.Node, change ...func(*agent.Agent)) *bench {
	t.Helper()
	b := &bench{World: world.Open(t), t: t, node: node}
	b.gate = newGateway(t, b.node)
	b.boss = b.Boss("boss")
	_, err := b.Chains.Create(t.Context(), b.Call(b.boss, policy.ManageChains), intents.Chain{
		Name: "anvil", DisplayName: "Anvil", ChainID: int64(node.Chain), NativeCurrency: "ETH", Testnet: true, Enabled: true, RPCURL: b.gate.url,
	})
	b.must(err)
	b.owner = b.Owner("owner")
	b.keys = &signingkey.Service{Store: b.DB, Keys: b.Keys}
	b.seen, b.stored = b.keys, b.DB
	b.svc = b.service(b.World)
	b.hire(change...)
	return b
}

// move has another node stand behind the gateway.
func (b *bench) move(to *evmnode.Node) {
	b.node = to
	b.gate.mu.Lock()
	defer b.gate.mu.Unlock()
	b.gate.node = to
}

// hire makes an agent that pays, with an account of its own.
func (b *bench) hire(change ...func(*agent.Agent)) {
	b.t.Helper()
	draft := agent.Agent{Name: "payer " + strconv.Itoa(b.hired)}
	draft.Intents = true
	for _, f := range change {
		f(&draft)
	}
	b.hired++
	_, key := b.NewAgent(b.Here(b.owner), draft)
	b.token = b.Exchange(key)
	b.payer = b.Who(b.token)
	k, err := b.keys.Create(b.t.Context(), b.Call(b.owner, policy.CreateSigningKey), b.payer.ID, signingkey.Ethereum)
	b.must(err)
	b.from = k.Address
	b.fund(b.from)
}

// service is the service on a node of the server, with the bench's keys and store.
func (b *bench) service(w *world.World) *transaction.Service {
	return transaction.New(transaction.Config{
		Store: b.stored, Vault: w.Vault, Keys: b.seen, Chains: w.Chains, Approvals: w.Approvals, Log: w.Logger(), Now: w.Clock.Now,
	})
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// refused checks that an error has a code and a kind.
func (b *bench) refused(what string, err error, kind fault.Kind, code string) {
	b.t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		b.t.Errorf("%s: got %v (%q), want %q", what, err, fault.CodeOf(err), code)
	}
}

func (b *bench) fund(a evm.Address) {
	b.t.Helper()
	wei, err := evm.ParseETH("1000")
	b.must(err)
	b.node.Fund(b.t, a, &wei)
}

// pay is a draft of a payment.
func pay(eth string, change ...func(*transaction.Draft)) transaction.Draft {
	d := transaction.Draft{To: payee, Value: eth, Chain: "anvil"}
	for _, f := range change {
		f(&d)
	}
	return d
}

func replayKey(key string) func(*transaction.Draft) {
	return func(d *transaction.Draft) { d.ReplayKey = key }
}

func gas(limit uint64) func(*transaction.Draft) {
	return func(d *transaction.Draft) { d.GasLimit = &limit }
}

// try submits as the agent, as through the gate.
func (b *bench) try(d transaction.Draft) (transaction.Tx, bool, error) {
	c := b.Call(b.payer, policy.SubmitTransaction)
	return b.svc.Submit(b.based(c), c, b.payer.ID, d)
}

// based is the context of a call as the gate makes it: no right that it rests on may end before
// its commits.
func (b *bench) based(c *call.Call) context.Context {
	basis := call.Basis{Org: c.Who.Org, Token: c.Who.TokenID, Epoch: b.DB.Seen(), Event: c.Event}
	return basis.With(b.t.Context())
}

// submit submits as the agent and wants a status.
func (b *bench) submit(d transaction.Draft, want transaction.Status) transaction.Tx {
	b.t.Helper()
	t, replayed, err := b.try(d)
	if err != nil || replayed || t.Status != want {
		b.t.Fatalf("got %s %q (%s), replayed %v, %v, want %s", t.Status, t.ErrorCode, t.Hash, replayed, err, want)
	}
	return t
}

// stands wants status and fate of a transaction as they are stored.
func (b *bench) stands(id string, status transaction.Status, fate transaction.Fate) transaction.Tx {
	b.t.Helper()
	t, err := b.svc.Get(b.t.Context(), b.Call(b.payer, policy.ReadTransaction), b.payer.ID, id, false)
	b.must(err)
	if t.Status != status || t.Receipt.Fate != fate {
		b.t.Errorf("it is %s %q with the fate %q, want %s %q", t.Status, t.ErrorCode, t.Receipt.Fate, status, fate)
	}
	return t
}

// look has the watcher look so often, each time once all is due and in its block.
func (b *bench) look(times int) {
	b.t.Helper()
	for range times {
		b.mined()
		b.Clock.Forward(2 * time.Minute) // a reservation has a minute to be signed
		b.svc.Look(b.t.Context())
	}
}

// mined waits until the node, which makes a block of each transaction but not at once, has none
// that it could take.
func (b *bench) mined() {
	b.t.Helper()
	automine := b.node.Chain == evmnode.GethChainID
	if !automine {
		b.node.Call(b.t, &automine, "anvil_getAutomine")
	}
	tick, late := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for pool := struct{ Pending string }{"?"}; automine && pool.Pending != "0x0"; {
		select {
		case <-tick.C:
			b.node.Call(b.t, &pool, "txpool_status")
		case <-late:
			b.t.Fatal("the node makes no blocks")
		}
	}
}

// insist submits again while the database, which many ask at once, can't answer.
func (b *bench) insist(svc *transaction.Service, d transaction.Draft) error {
	var err error
	for range 100 {
		_, _, err = svc.Submit(b.t.Context(), b.Call(b.payer, policy.SubmitTransaction), b.payer.ID, d)
		if code := fault.CodeOf(err); err == nil || code != "storage_unavailable" && code != "idempotency_key_in_use" {
			return err
		}
	}
	return err
}

// received is what the payee has got, in wei.
func (b *bench) received(to string) *uint256.Int {
	b.t.Helper()
	var hex string
	b.node.Call(b.t, &hex, "eth_getBalance", to, "latest")
	wei, err := uint256.FromHex(hex)
	b.must(err)
	if to == payee && b.node.Chain == evmnode.ChainID { // what anvil gives its own accounts
		start, err := evm.ParseETH("10000")
		b.must(err)
		wei.Sub(wei, &start)
	}
	return wei
}

// got wants the payee to have received so much.
func (b *bench) got(eth string) {
	b.t.Helper()
	b.mined()
	want, err := evm.ParseETH(eth)
	b.must(err)
	if got := b.received(payee); !got.Eq(&want) {
		b.t.Errorf("the payee got %s, want %s", evm.FormatETH(got), eth)
	}
}

// rules sets the rules beyond the contract's.
func (b *bench) rules(json string) {
	b.t.Helper()
	_, err := b.svc.SetGuard(b.t.Context(), b.Call(b.Here(b.owner), policy.UpdateGuard), b.payer.ID, []byte(json))
	b.must(err)
}

// count is what a query of one number says.
func (b *bench) count(query string, args ...any) (n int) {
	b.t.Helper()
	b.Each(query, func(scan func(...any) error) error { return scan(&n) }, args...)
	return n
}
