package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const height = "eth_blockNumber"

// faulty are answers of nodes that are ill, and of what stands before nodes.
func faulty() map[string]http.HandlerFunc {
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	return map[string]http.HandlerFunc{
		"10 MB": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":"0x`)
			for range 10 << 20 / 1024 {
				fmt.Fprint(w, strings.Repeat("1", 1024))
			}
			fmt.Fprint(w, `"}`)
		},
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":"0x1"}`)
		},
		"a page":                          text(200, "<html>Sign in</html>"),
		"a gateway's error":               text(502, "bad gateway"),
		"an empty body":                   text(200, ""),
		"an answer to another":            text(200, `{"jsonrpc":"2.0","id":2,"result":"0x1"}`),
		"no result":                       text(200, `{"jsonrpc":"2.0","id":1}`),
		"a result with a bad status":      text(500, `{"jsonrpc":"2.0","id":1,"result":"0x1"}`),
		"a number for a quantity":         text(200, `{"jsonrpc":"2.0","id":1,"result":1}`),
		"a decimal quantity":              text(200, `{"jsonrpc":"2.0","id":1,"result":"1"}`),
		"a quantity with a leading zero":  text(200, `{"jsonrpc":"2.0","id":1,"result":"0x01"}`),
		"an empty quantity":               text(200, `{"jsonrpc":"2.0","id":1,"result":"0x"}`),
		"a negative quantity":             text(200, `{"jsonrpc":"2.0","id":1,"result":"-0x1"}`),
		"a quantity of 257 bits":          text(200, `{"jsonrpc":"2.0","id":1,"result":"0x1`+strings.Repeat("0", 64)+`"}`),
		"a height of 65 bits":             text(200, `{"jsonrpc":"2.0","id":1,"result":"0x1`+strings.Repeat("0", 16)+`"}`),
		"null":                            text(200, `{"jsonrpc":"2.0","id":1,"result":null}`),
		"deep nesting":                    text(200, strings.Repeat(`[`, 100_000)),
		"too many requests":               text(429, `slow down`),
		"too many requests, in JSON-RPC":  text(429, `{"jsonrpc":"2.0","id":1,"error":{"code":429,"message":"compute units per second"}}`),
		"a limit that is an error":        text(200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"daily request count exceeded, request rate limited"}}`),
		"a bad key":                       text(401, `{"message":"invalid api key"}`),
		"an error of an unknown shape":    text(200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"something"}}`),
		"an error whose code is a string": text(200, `{"jsonrpc":"2.0","id":1,"error":{"code":"E1","message":"something"}}`),
	}
}

func TestTheNextNodeIsAskedWhenOneFails(t *testing.T) {
	for name, handle := range faulty() {
		t.Run(name, func(t *testing.T) {
			ill, well := fakeNode(t, nil), fakeNode(t, map[string]string{height: `"0x10"`})
			ill.handle = handle
			c := client(t, start(), mainnet(), ill.URL, well.URL)
			if n, err := c.BlockNumber(t.Context()); err != nil || n != 16 {
				t.Errorf("got %d, %v", n, err)
			}
			if ill.count(height) != 1 {
				t.Error("the first node was not asked")
			}
		})
	}
}

func TestANodeAloneThatFailsIsAnErrorThatSaysNothingOfItsURL(t *testing.T) {
	faults := faulty()
	faults["its own URL in its words"] = func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"%s: no such project %s"}}`, r.URL, "http://"+r.Host+r.URL.String())
	}
	faults["a redirect"] = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/v2/else", http.StatusTemporaryRedirect)
	}
	for name, handle := range faults {
		t.Run(name, func(t *testing.T) {
			f := fakeNode(t, nil)
			f.handle = handle
			key := "k3y-of-the-provider"
			c := client(t, start(), mainnet(), f.URL+"/v2/"+key+"?token=t0ken-of-mine")
			_, err := c.BlockNumber(t.Context())
			if err == nil {
				t.Fatal("a faulty answer was taken")
			}
			shown := fmt.Sprintf("%v %+v %#v", err, c.Health(), c.Check(t.Context(), nil))
			for _, part := range []string{key, "t0ken-of-mine", strings.TrimPrefix(f.URL, "http://")} {
				if strings.Contains(shown, part) {
					t.Errorf("%q is in %s", part, shown)
				}
			}
		})
	}
}

func TestErrorsOfTheNetworkSayNothingOfTheURL(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, url := range map[string]string{
		"nobody listens":   closed.URL + "/k3y-of-the-provider",
		"no such host":     "http://k3y-of-the-provider.invalid/",
		"no URL":           "k3y-of-the-provider",
		"a broken escape":  "http://127.0.0.1/%zz/k3y-of-the-provider",
		"no such protocol": "gopher://k3y-of-the-provider/",
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, start(), mainnet(), url)
			_, err := c.BlockNumber(t.Context())
			if fault.CodeOf(err) != "node_unavailable" {
				t.Errorf("got %v", err)
			}
			if shown := fmt.Sprintf("%v %+v", err, c.Health()); strings.Contains(shown, "k3y") {
				t.Errorf("the URL is in %s", shown)
			}
		})
	}
}

func TestANodeThatNeverAnswersIsLeftForTheNext(t *testing.T) {
	gone := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		close(gone)
	}))
	t.Cleanup(hangs.Close)
	well := fakeNode(t, map[string]string{height: `"0x10"`})
	c, err := node.New(node.Config{HTTP: http.DefaultClient, Profile: mainnet(), Now: start().Now, Timeout: 200 * time.Millisecond,
		URLs: []secret.Bytes{secret.FromString(hangs.URL), secret.FromString(well.URL)}})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.BlockNumber(t.Context()); err != nil || n != 16 {
		t.Errorf("got %d, %v", n, err)
	}
	<-gone // the request was given up, not left behind
	if h := c.Health(); h[0].Why == "" || h[1].Why != "" {
		t.Errorf("health is %+v", h)
	}
}

func TestACallerThatLeavesSaysNothingAboutTheNode(t *testing.T) {
	f := fakeNode(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	f.handle = func(_ http.ResponseWriter, r *http.Request) { leave(); <-r.Context().Done() }
	c := client(t, start(), mainnet(), f.URL)
	if _, err := c.BlockNumber(ctx); err == nil {
		t.Error("there was no answer")
	}
	if h := c.Health(); h[0].Failures != 0 {
		t.Errorf("health is %+v", h)
	}
}

func TestANodeOfAnotherChainIsNeverUsed(t *testing.T) {
	other, right := fakeNode(t, map[string]string{height: `"0x1"`}), fakeNode(t, map[string]string{height: `"0x10"`})
	other.chain = `"0x89"`
	c := client(t, start(), mainnet(), other.URL, right.URL)
	if n, err := c.BlockNumber(t.Context()); err != nil || n != 16 {
		t.Errorf("got %d, %v", n, err)
	}
	if other.count(height) != 0 {
		t.Error("a node of another chain was asked something")
	}
	alone := client(t, start(), mainnet(), other.URL)
	if _, err := alone.BlockNumber(t.Context()); fault.CodeOf(err) != "wrong_chain" {
		t.Errorf("alone: %v", err)
	}
	if sent := alone.Send(t.Context(), []byte{1}); sent.Outcome != node.Unknown || other.count("eth_sendRawTransaction") != 0 {
		t.Errorf("sent: %+v", sent)
	}
	if why := alone.Check(t.Context(), nil)[0].Why; why != "it is of another chain" {
		t.Errorf("the check says %q", why)
	}
}

func TestTheChainIsAskedOnceAndAgainAfterAFailure(t *testing.T) {
	f := fakeNode(t, map[string]string{height: `"0x10"`})
	c := client(t, start(), mainnet(), f.URL)
	for range 3 {
		if _, err := c.BlockNumber(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.count("eth_chainId"); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	f.say(height, `"x"`)
	if _, err := c.BlockNumber(t.Context()); err == nil {
		t.Fatal("a broken answer was taken")
	}
	f.chain = `"0x2"` // it came back as another
	f.say(height, `"0x10"`)
	if _, err := c.BlockNumber(t.Context()); fault.CodeOf(err) != "wrong_chain" {
		t.Errorf("got %v", err)
	}
}

func TestANodeThatFailedRestsForLongerEachTime(t *testing.T) {
	now := start()
	ill, well := fakeNode(t, map[string]string{height: `"x"`}), fakeNode(t, map[string]string{height: `"0x10"`})
	c := client(t, now, mainnet(), ill.URL, well.URL)
	want := time.Second
	for round := 1; round <= 8; round++ {
		ask := func() {
			t.Helper()
			if _, err := c.BlockNumber(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ask()
		if h := c.Health()[0]; h.Failures != round || !h.NextAt.Equal(now.Now().Add(want)) {
			t.Fatalf("after %d failures: %+v, want a rest of %v", round, h, want)
		}
		before := ill.count(height)
		now.forward(want - time.Nanosecond)
		ask()
		if ill.count(height) != before {
			t.Fatalf("it was asked before its rest of %v was over", want)
		}
		now.forward(time.Nanosecond)
		want = min(2*want, time.Minute)
	}
	ill.say(height, `"0x11"`)
	if n, err := c.BlockNumber(t.Context()); err != nil || n != 17 || c.Health()[0].Failures != 0 {
		t.Errorf("back again: %d, %v, %+v", n, err, c.Health()[0])
	}
}

func TestNodesThatAllRestAreAskedAllTheSame(t *testing.T) {
	f := fakeNode(t, map[string]string{height: `"x"`})
	c := client(t, start(), mainnet(), f.URL)
	if _, err := c.BlockNumber(t.Context()); err == nil {
		t.Fatal("a broken answer was taken")
	}
	f.say(height, `"0x10"`)
	if n, err := c.BlockNumber(t.Context()); err != nil || n != 16 {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestARevertIsAskedOfOneNodeAlone(t *testing.T) {
	for name, e := range map[string]string{
		"geth, erigon, reth, anvil": `{"error":{"code":3,"message":"execution reverted: no","data":"0x08c379a0"}}`,
		"besu":                      `{"error":{"code":-32000,"message":"Execution reverted","data":"0x08c379a0"}}`,
		"nethermind":                `{"error":{"code":-32015,"message":"VM execution error.","data":"Reverted 0x08c379a0"}}`,
		"hardhat":                   `{"error":{"code":-32603,"message":"Error: VM Exception","data":{"message":"reverted","data":"0x08c379a0"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			first, second := fakeNode(t, map[string]string{"eth_call": e}), fakeNode(t, map[string]string{"eth_call": `"0x"`})
			c := client(t, start(), mainnet(), first.URL, second.URL)
			_, err := c.Call(t.Context(), node.Message{})
			said, ok := errors.AsType[*node.Error](err)
			if !ok || !said.Reverted() || node.Hex(said.Data) != "0x08c379a0" {
				t.Errorf("got %#v", err)
			}
			if second.count("eth_call") != 0 {
				t.Error("another node was asked")
			}
			if c.Health()[0].Failures != 0 {
				t.Error("a revert counts as a failure of the node")
			}
		})
	}
}

func TestANodeThatLagsIsNotTheLastWord(t *testing.T) {
	hash := evm.Keccak256([]byte("tx"))
	receipt := fmt.Sprintf(`{"transactionHash":"%s","blockNumber":"0x5","blockHash":"%s","status":"0x1","gasUsed":"0x5208","effectiveGasPrice":"0x2"}`, hash, hash)
	lags, ahead := fakeNode(t, map[string]string{"eth_getTransactionReceipt": `null`}), fakeNode(t, map[string]string{"eth_getTransactionReceipt": receipt})
	c := client(t, start(), mainnet(), lags.URL, ahead.URL)
	r, found, err := c.Receipt(t.Context(), hash)
	if err != nil || !found || r.Block != 5 || !r.Succeeded || r.GasUsed != 21000 || r.GasPrice.Uint64() != 2 {
		t.Errorf("got %+v, %v, %v", r, found, err)
	}
	ahead.say("eth_getTransactionReceipt", `null`)
	if _, found, err := c.Receipt(t.Context(), hash); err != nil || found {
		t.Errorf("nowhere: %v, %v", found, err)
	}
	for name, answer := range map[string]string{
		"another's receipt":       strings.Replace(receipt, hash.String(), evm.Keccak256([]byte("other")).String(), 1),
		"no status":               strings.Replace(receipt, `"status":"0x1",`, "", 1),
		"a status that is no bit": strings.Replace(receipt, `"status":"0x1"`, `"status":"0x2"`, 1),
	} {
		lags.say("eth_getTransactionReceipt", answer)
		if _, found, err := c.Receipt(t.Context(), hash); err == nil || found {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}

func TestAMethodThatOneNodeLacksIsAskedOfTheNext(t *testing.T) {
	without, with := fakeNode(t, nil), fakeNode(t, map[string]string{"eth_simulateV1": `[]`})
	c := client(t, start(), mainnet(), without.URL, with.URL)
	var out []int
	if err := c.Ask(t.Context(), &out, "eth_simulateV1"); err != nil {
		t.Error(err)
	}
	if !slices.Equal(without.order(), []string{"eth_chainId", "eth_simulateV1"}) || c.Health()[0].Failures != 0 {
		t.Errorf("asked %v, health %+v", without.order(), c.Health()[0])
	}
}
