package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
)

// payee is an account that has nothing when a chain begins.
const payee = "0x00000000000000000000000000000000000a11ce"

// payer is an agent that pays on a chain, and its server.
type payer struct {
	t      *testing.T
	place  *place
	server *server
	id     string
	key    string
	caller caller
	node   *evmnode.Node
	strike func(method string, before bool) // asked around each question to the node
	mu     sync.Mutex
}

func newPayer(t *testing.T) *payer {
	p := &payer{t: t, place: newPlace(t), node: evmnode.Anvil(t)}
	between := httptest.NewServer(http.HandlerFunc(p.pass))
	t.Cleanup(between.Close)
	p.server = p.place.start()
	owner := p.server.login()
	owner.want(t, http.StatusCreated, "POST", "/v1/admin/chains", map[string]any{
		"name": "anvil", "display_name": "Anvil", "chain_id": evmnode.ChainID, "rpc_url": between.URL})
	a := owner.want(t, http.StatusCreated, "POST", "/v1/agents", map[string]any{"name": "payer", "intents_api_enabled": true, "tx_daily_limit_eth": "1"})
	p.id, p.key = text(t, a, "agent", "id"), text(t, a, "api_key")
	k := owner.want(t, http.StatusCreated, "POST", "/v1/agents/"+p.id+"/signing-keys", map[string]any{"chain": "ethereum"})
	from, err := evm.ParseAddress(text(t, k, "address"))
	if err != nil {
		t.Fatal(err)
	}
	p.node.Fund(t, from, new(uint256.Int).Lsh(uint256.NewInt(1), 70))
	p.caller = owner.exchange(t, p.key)
	return p
}

// pass hands a question on to the node.
func (p *payer) pass(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the server was killed
	}
	var q struct{ Method string }
	if err := json.Unmarshal(body, &q); err != nil {
		p.t.Error(err)
	}
	p.mu.Lock()
	strike := p.strike
	p.mu.Unlock()
	if strike != nil {
		strike(q.Method, true)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.node.URL, bytes.NewReader(body)) // also of one that was killed
	if err != nil {
		p.t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if p.t.Context().Err() == nil {
			p.t.Error(err)
		}
		return
	}
	defer func() { _ = res.Body.Close() }()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Error(err)
	}
	if strike != nil {
		strike(q.Method, false)
	}
	_, _ = w.Write(out)
}

// killAt kills the server at a question of it, once: before the node hears of it, or after.
func (p *payer) killAt(method string, before bool) {
	var once sync.Once
	s := p.server
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strike = func(asked string, now bool) {
		if asked == method && now == before {
			once.Do(func() { _ = s.cmd.Process.Kill() })
		}
	}
}

// again starts the server again.
func (p *payer) again() {
	p.t.Helper()
	p.server.wait()
	p.mu.Lock()
	p.strike = nil
	p.mu.Unlock()
	p.server = p.place.start()
	p.caller = p.caller.at(p.server).exchange(p.t, p.key)
}

// pay asks for a payment of a thousandth. The error is that of a server that went away.
func (p *payer) pay(c caller, key string) (*reply, error) {
	body := fmt.Sprintf(`{"to":%q,"value":"0.001","chain":"anvil"}`, payee)
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, c.base+"/v1/agents/"+p.id+"/transactions", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Idempotency-Key", key)
	return c.send(r)
}

// paid asks with a key until the payment is in a block.
func (p *payer) paid(key string) {
	p.t.Helper()
	eventually(p.t, "the payment of "+key, func() bool {
		r, err := p.pay(p.caller, key)
		if err != nil {
			p.t.Fatal(err)
		}
		switch r.status {
		case http.StatusOK, http.StatusCreated:
		case http.StatusConflict, http.StatusTooManyRequests: // its time to be signed is not over
			return false
		default:
			p.t.Fatalf("%d %s", r.status, r.body)
		}
		var tx struct{ ID, Status string }
		if err := json.Unmarshal(r.body, &tx); err != nil || tx.Status == "failed" {
			p.t.Fatalf("%s: %v", r.body, err)
		}
		fate := p.caller.want(p.t, http.StatusOK, "GET", "/v1/agents/"+p.id+"/transactions/"+tx.ID+"/receipt", nil)
		return fate["state"] == "success"
	})
}

// got wants the payee to have got so many thousandths.
func (p *payer) got(n int) {
	p.t.Helper()
	var hex string
	p.node.Call(p.t, &hex, "eth_getBalance", payee, "latest")
	wei, err := uint256.FromHex(hex)
	if err != nil {
		p.t.Fatal(err)
	}
	if want := new(uint256.Int).Mul(uint256.NewInt(uint64(n)), uint256.NewInt(1e15)); !wei.Eq(want) {
		p.t.Errorf("the payee got %s wei, want %s", wei.Dec(), want.Dec())
	}
}

func TestAServerThatIsKilledAroundASendPaysOnce(t *testing.T) {
	p := newPayer(t)
	at := []struct {
		method string
		before bool
	}{{"eth_getTransactionCount", true}, {"eth_getTransactionCount", false}, {"eth_sendRawTransaction", true}, {"eth_sendRawTransaction", false}}
	for i, at := range at {
		p.killAt(at.method, at.before)
		key := fmt.Sprintf("step-%d", i)
		if r, err := p.pay(p.caller, key); err == nil {
			t.Fatalf("the server was not killed: %d %s", r.status, r.body)
		}
		p.again()
		p.paid(key)
		p.got(i + 1)
	}
}

func TestAServerThatIsKilledAtAnyMomentPaysEachKeyOnce(t *testing.T) {
	p := newPayer(t)
	var keys []string
	var mu sync.Mutex
	for round := range 6 {
		var all sync.WaitGroup
		c := p.caller
		for n := range 3 {
			all.Go(func() {
				for i := 0; ; i++ {
					key := fmt.Sprintf("%d-%d-%d", round, n, i)
					mu.Lock()
					keys = append(keys, key)
					mu.Unlock()
					if _, err := p.pay(c, key); err != nil {
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(50+rand.IntN(300)) * time.Millisecond) // when it strikes is up to chance
		p.server.kill9()
		all.Wait()
		p.again()
	}
	for _, key := range keys { // all, so that no gap of nonces is left
		eventually(t, "an answer for "+key, func() bool {
			r, err := p.pay(p.caller, key)
			return err == nil && (r.status == http.StatusOK || r.status == http.StatusCreated)
		})
	}
	for _, key := range keys {
		p.paid(key)
	}
	p.got(len(keys))
	t.Logf("%d payments", len(keys))
}
