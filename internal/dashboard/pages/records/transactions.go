package records

import (
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

var transactionPages = map[string]frame.Page{
	"GET /transactions":                       transactions,
	"GET /transactions/{$}":                   func(v *frame.Visit) error { return v.Redirect("/transactions") },
	"GET /transactions/{agent}/{id}":          oneTransaction,
	"POST /transactions/{agent}/{id}/replace": replaceTransaction,
	"GET /transactions/chains":                chains,
	"GET /transactions/chains/new":            newChain,
	"POST /transactions/chains/new":           makeChain,
	"GET /transactions/chains/{id}":           editChain,
	"POST /transactions/chains/{id}":          changeChain,
	"POST /transactions/chains/{id}/check":    checkChain,
	"GET /transactions/chains/{id}/delete":    endChainPage,
	"POST /transactions/chains/{id}/delete":   endChain,
}

// asked is how many agents the list asks about: each is a call of the API.
const asked = 40

// shownTransaction is a transaction with what a page says of it.
type shownTransaction struct {
	client.Transaction
	Agent, Value, Coin string
	Explorer           string // where the chain's explorer shows it; empty where there is none
	Tag                string
}

// transactionList is the newest transactions of agents.
type transactionList struct {
	Rows   []shownTransaction
	Agents []client.Agent
	Agent  string // the one that is asked about
	More   bool   // there are agents that were not asked about
	Leaf   frame.Leaf
}

// transactions lists those of an agent, or of the agents that may have them signed.
func transactions(v *frame.Visit) error {
	d := transactionList{Agent: v.Query("agent")}
	names, all, err := v.AgentNames()
	if err != nil {
		return err
	}
	d.Agents = all
	chains, err := v.API.Chains(v.R.Context())
	if err != nil {
		return err
	}
	ask := slices.DeleteFunc(slices.Clone(all), func(a client.Agent) bool {
		return d.Agent != "" && a.ID != d.Agent || d.Agent == "" && !a.IntentsAPIEnabled
	})
	if d.More = len(ask) > asked; d.More {
		ask = ask[:asked]
	}
	lists := make([][]client.Transaction, len(ask))
	g, ctx := errgroup.WithContext(v.R.Context())
	g.SetLimit(4)
	for i, a := range ask {
		g.Go(func() (err error) { lists[i], err = v.API.Transactions(ctx, a.ID); return frame.Seen(err) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	every := slices.Concat(lists...)
	slices.SortStableFunc(every, func(a, b client.Transaction) int { return b.CreatedAt.Compare(a.CreatedAt) })
	d.Leaf = v.Leaf(len(every))
	for _, t := range every[d.Leaf.From:d.Leaf.To] {
		d.Rows = append(d.Rows, shownAs(t, names[t.AgentID], chains))
	}
	return v.Show(http.StatusOK, "transactions", v.T("Transactions"), d)
}

// shownAs is a transaction with what a page says of it.
func shownAs(t client.Transaction, agent string, chains []client.Chain) shownTransaction {
	s := shownTransaction{Transaction: t, Agent: agent, Value: evm.FormatWei(t.ValueWei), Coin: "ETH"}
	for _, c := range chains {
		if c.ChainID == t.ChainID {
			s.Coin, s.Explorer = c.NativeCurrency, explorer(c.ExplorerURL, t.TxHash)
		}
	}
	switch {
	case t.ChainState == "success":
		s.Tag = "good"
	case t.ChainState == "reverted", t.Status == "failed", t.Status == "simulation_failed":
		s.Tag = "bad"
	case t.ChainState == "waiting", t.Status == "broadcast", t.Status == "signed", t.Status == "pending":
		s.Tag = "warn"
	}
	return s
}

// explorer is where a chain's explorer shows a transaction.
func explorer(base, hash string) string {
	u, err := url.Parse(base)
	if hash == "" || err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.JoinPath("tx", hash).String()
}

// transactionView is one transaction with what the chain made of it.
type transactionView struct {
	shownTransaction
	Receipt *client.Receipt
	Waits   bool // it may still be replaced
	Problem string
}

func oneTransaction(v *frame.Visit) error {
	d, err := transactionOf(v)
	if err != nil {
		return err
	}
	return showTransaction(v, http.StatusOK, d)
}

func showTransaction(v *frame.Visit, status int, d *transactionView) error {
	return v.Show(status, "transaction", v.T("Transaction"), d)
}

func transactionOf(v *frame.Visit) (*transactionView, error) {
	agent, id := v.R.PathValue("agent"), v.R.PathValue("id")
	t, err := v.API.Transaction(v.R.Context(), agent, id, false)
	if err != nil {
		return nil, err
	}
	d := new(transactionView)
	var chains []client.Chain
	var names map[string]string
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { chains, err = v.API.Chains(ctx); return frame.Seen(err) })
	g.Go(func() (err error) { names, _, err = v.AgentNames(); return err })
	g.Go(func() (err error) {
		d.Receipt, err = v.API.TransactionReceipt(ctx, agent, id)
		if frame.Retry(err) { // of one that was never signed there is none
			return nil
		}
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if r := d.Receipt; r != nil && t.ChainState == "" {
		t.ChainState = r.State
	}
	d.shownTransaction = shownAs(*t, names[t.AgentID], chains)
	over := d.Receipt != nil && (d.Receipt.Final || d.Receipt.BlockNumber != nil)
	d.Waits = !over && slices.Contains([]string{"broadcast", "signed", "sign_only"}, t.Status)
	return d, nil
}

// replaceTransaction has a transaction that waits sent again with higher fees, or cancelled.
func replaceTransaction(v *frame.Visit) error {
	agent, id, mode := v.R.PathValue("agent"), v.R.PathValue("id"), v.Form("mode")
	if mode != "speedup" && mode != "cancel" {
		return v.Wrong("Choose whether to send it again or to cancel it.")
	}
	t, err := v.API.ReplaceTransaction(v.R.Context(), agent, id, client.Replacement{Mode: mode})
	if frame.Retry(err) {
		d, gone := transactionOf(v)
		if gone != nil {
			return gone
		}
		var status int
		status, d.Problem = v.Describe(err)
		return showTransaction(v, status, d)
	}
	if err != nil {
		return err
	}
	done := "It is sent again with higher fees."
	if mode == "cancel" {
		done = "It is cancelled: another with its number, which moves nothing, takes its place."
	}
	return v.Back("/transactions/"+agent+"/"+t.ID, done)
}
