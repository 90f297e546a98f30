package records

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// chainList is the chains that agents can use; all of them to a platform admin.
type chainList struct {
	Chains  []client.Chain
	Manages bool // the person may change them
	Check   *client.ChainCheck
}

func chains(v *frame.Visit) error { return showChains(v, nil) }

func showChains(v *frame.Visit, check *client.ChainCheck) error {
	d := chainList{Check: check}
	var err error
	if d.Chains, err = v.API.AllChains(v.R.Context()); err == nil {
		d.Manages = true
	} else if frame.Seen(err) == nil {
		d.Chains, err = v.API.Chains(v.R.Context())
	}
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "chains", v.T("Chains"), d)
}

// chainForm is a chain as it is filled in. Addresses of nodes hold keys, so that a page never
// shows them: an empty field leaves them as they are.
type chainForm struct {
	ID, Name, Display, Number, Explorer, Coin string
	Test, Enabled, Node                       bool
	Problem                                   string
}

// newChain asks for a person first: a form with the address of a node is not kept while
// somebody proves that it is them.
func newChain(v *frame.Visit) error {
	if _, err := v.API.AllChains(v.R.Context()); err != nil { // whoever may not add a chain is told before they fill in the form
		return err
	}
	if v.Person() {
		return nil
	}
	return v.Show(http.StatusOK, "chain", v.T("New chain"), chainForm{Enabled: true, Coin: "ETH"})
}

func chainFormOf(c *client.Chain) chainForm {
	return chainForm{
		ID: c.ID, Name: c.Name, Display: c.DisplayName, Number: strconv.FormatInt(c.ChainID, 10), Explorer: c.ExplorerURL, Coin: c.NativeCurrency,
		Test: c.IsTestnet, Enabled: c.IsEnabled, Node: c.NodeSet,
	}
}

// filledIn is a form of a chain, and the change that it asks for.
func filledIn(v *frame.Visit, f chainForm) (chainForm, client.ChainChange, error) {
	f.Name, f.Display, f.Number, f.Explorer, f.Coin = v.Form("name"), v.Form("display"), v.Form("number"), v.Form("explorer"), v.Form("coin")
	f.Test, f.Enabled = v.Form("test") != "", v.Form("enabled") != ""
	if f.Display == "" {
		f.Display = f.Name
	}
	n, err := strconv.ParseInt(f.Number, 10, 64)
	if err != nil || n < 1 {
		return f, client.ChainChange{}, v.Wrong("The number of a chain is a whole number.")
	}
	ch := client.ChainChange{
		Name: &f.Name, DisplayName: &f.Display, ChainID: &n, ExplorerURL: &f.Explorer, NativeCurrency: &f.Coin, IsTestnet: &f.Test, IsEnabled: &f.Enabled,
	}
	for name, to := range map[string]**string{"rpc_url": &ch.RPCURL, "ws_url": &ch.WSURL} {
		if text := v.Form(name); text != "" {
			*to = &text
		}
	}
	return f, ch, nil
}

func makeChain(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	f, ch, err := filledIn(v, chainForm{})
	if err == nil {
		_, err = v.API.CreateChain(v.R.Context(), ch)
	}
	if frame.Retry(err) {
		var status int
		status, f.Problem = v.Describe(err)
		return v.Show(status, "chain", v.T("New chain"), f)
	}
	if err != nil {
		return err
	}
	return v.Back("/transactions/chains", "The chain is added.")
}

// chainOf is the one of this request, for who may change it.
func chainOf(v *frame.Visit) (*client.Chain, error) {
	all, err := v.API.AllChains(v.R.Context())
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(c client.Chain) bool { return c.ID == v.R.PathValue("id") })
	if at < 0 {
		return nil, &client.Error{Status: http.StatusNotFound, Code: "not_found", Detail: v.T("There is no such chain.")}
	}
	return &all[at], nil
}

func editChain(v *frame.Visit) error {
	c, err := chainOf(v)
	if err != nil {
		return err
	}
	if v.Person() {
		return nil
	}
	return v.Show(http.StatusOK, "chain", v.T("Change %s", c.DisplayName), chainFormOf(c))
}

func changeChain(v *frame.Visit) error {
	c, err := chainOf(v)
	if err != nil {
		return err
	}
	if v.Person() {
		return nil
	}
	f, ch, err := filledIn(v, chainFormOf(c))
	if err == nil {
		if v.Form("no_node") != "" {
			none := ""
			ch.RPCURL, ch.WSURL = &none, &none
		}
		_, err = v.API.UpdateChain(v.R.Context(), c.ID, ch)
	}
	if frame.Retry(err) {
		var status int
		status, f.Problem = v.Describe(err)
		return v.Show(status, "chain", v.T("Change %s", c.DisplayName), f)
	}
	if err != nil {
		return err
	}
	return v.Back("/transactions/chains", "The chain is changed.")
}

func checkChain(v *frame.Visit) error {
	check, err := v.API.CheckChain(v.R.Context(), v.R.PathValue("id"))
	if err != nil {
		return err
	}
	return showChains(v, check)
}

// chainEnd is what ends with a chain.
type chainEnd struct {
	Chain   *client.Chain
	Problem string
}

func endChainPage(v *frame.Visit) error {
	c, err := chainOf(v)
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "chain-delete", v.T("Delete %s", c.DisplayName), chainEnd{Chain: c})
}

func endChain(v *frame.Visit) error {
	c, err := chainOf(v)
	if err != nil {
		return err
	}
	if v.Form("typed") != c.Name {
		return v.Show(http.StatusBadRequest, "chain-delete", v.T("Delete %s", c.DisplayName), chainEnd{c, v.T("That is not its name. Nothing was done.")})
	}
	if err := v.API.DeleteChain(v.R.Context(), c.ID); err != nil {
		return err
	}
	return v.Back("/transactions/chains", "The chain is deleted.")
}
