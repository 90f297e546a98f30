package signedin

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/client"
)

// chainList is the chains that agents can use; all of them to a platform admin.
type chainList struct {
	Chains  []client.Chain
	Manages bool // the person may change them
	Check   *client.ChainCheck
}

func chains(v *visit) error { return showChains(v, nil) }

func showChains(v *visit, check *client.ChainCheck) error {
	d := chainList{Check: check}
	var err error
	if d.Chains, err = v.api.AllChains(v.r.Context()); err == nil {
		d.Manages = true
	} else if seen(err) == nil {
		d.Chains, err = v.api.Chains(v.r.Context())
	}
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "chains", v.t("Chains"), d)
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
func newChain(v *visit) error {
	if _, err := v.api.AllChains(v.r.Context()); err != nil { // who may add none is told at once
		return err
	}
	if v.person() {
		return nil
	}
	return v.show(http.StatusOK, "chain", v.t("New chain"), chainForm{Enabled: true, Coin: "ETH"})
}

func chainFormOf(c *client.Chain) chainForm {
	return chainForm{
		ID: c.ID, Name: c.Name, Display: c.DisplayName, Number: strconv.FormatInt(c.ChainID, 10), Explorer: c.ExplorerURL, Coin: c.NativeCurrency,
		Test: c.IsTestnet, Enabled: c.IsEnabled, Node: c.NodeSet,
	}
}

// filledIn is a form of a chain, and the change that it asks for.
func (v *visit) filledIn(f chainForm) (chainForm, client.ChainChange, error) {
	f.Name, f.Display, f.Number, f.Explorer, f.Coin = v.form("name"), v.form("display"), v.form("number"), v.form("explorer"), v.form("coin")
	f.Test, f.Enabled = v.form("test") != "", v.form("enabled") != ""
	if f.Display == "" {
		f.Display = f.Name
	}
	n, err := strconv.ParseInt(f.Number, 10, 64)
	if err != nil || n < 1 {
		return f, client.ChainChange{}, v.wrong("The number of a chain is a whole number.")
	}
	ch := client.ChainChange{
		Name: &f.Name, DisplayName: &f.Display, ChainID: &n, ExplorerURL: &f.Explorer, NativeCurrency: &f.Coin, IsTestnet: &f.Test, IsEnabled: &f.Enabled,
	}
	for name, to := range map[string]**string{"rpc_url": &ch.RPCURL, "ws_url": &ch.WSURL} {
		if text := v.form(name); text != "" {
			*to = &text
		}
	}
	return f, ch, nil
}

func makeChain(v *visit) error {
	if v.person() {
		return nil
	}
	f, ch, err := v.filledIn(chainForm{})
	if err == nil {
		_, err = v.api.CreateChain(v.r.Context(), ch)
	}
	if retry(err) {
		var status int
		status, f.Problem = describe(v, err)
		return v.show(status, "chain", v.t("New chain"), f)
	}
	if err != nil {
		return err
	}
	return v.back("/transactions/chains", "The chain is added.")
}

// chain is the one of this request, for who may change it.
func (v *visit) chain() (*client.Chain, error) {
	all, err := v.api.AllChains(v.r.Context())
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(c client.Chain) bool { return c.ID == v.r.PathValue("id") })
	if at < 0 {
		return nil, &client.Error{Status: http.StatusNotFound, Code: "not_found", Detail: v.t("There is no such chain.")}
	}
	return &all[at], nil
}

func editChain(v *visit) error {
	c, err := v.chain()
	if err != nil {
		return err
	}
	if v.person() {
		return nil
	}
	return v.show(http.StatusOK, "chain", v.t("Change %s", c.DisplayName), chainFormOf(c))
}

func changeChain(v *visit) error {
	c, err := v.chain()
	if err != nil {
		return err
	}
	if v.person() {
		return nil
	}
	f, ch, err := v.filledIn(chainFormOf(c))
	if err == nil {
		if v.form("no_node") != "" {
			none := ""
			ch.RPCURL, ch.WSURL = &none, &none
		}
		_, err = v.api.UpdateChain(v.r.Context(), c.ID, ch)
	}
	if retry(err) {
		var status int
		status, f.Problem = describe(v, err)
		return v.show(status, "chain", v.t("Change %s", c.DisplayName), f)
	}
	if err != nil {
		return err
	}
	return v.back("/transactions/chains", "The chain is changed.")
}

func checkChain(v *visit) error {
	check, err := v.api.CheckChain(v.r.Context(), v.r.PathValue("id"))
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

func endChainPage(v *visit) error {
	c, err := v.chain()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "chain-delete", v.t("Delete %s", c.DisplayName), chainEnd{Chain: c})
}

func endChain(v *visit) error {
	c, err := v.chain()
	if err != nil {
		return err
	}
	if v.form("typed") != c.Name {
		return v.show(http.StatusBadRequest, "chain-delete", v.t("Delete %s", c.DisplayName), chainEnd{c, v.t("That is not its name. Nothing was done.")})
	}
	if err := v.api.DeleteChain(v.r.Context(), c.ID); err != nil {
		return err
	}
	return v.back("/transactions/chains", "The chain is deleted.")
}
