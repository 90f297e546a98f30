package vaults

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var environmentPages = map[string]frame.Page{
	"GET /vaults/{vault}/environment":               environment,
	"POST /vaults/{vault}/environment":              setVariable,
	"POST /vaults/{vault}/environment/{key}/reveal": revealVariable,
	"GET /vaults/{vault}/environment/{key}/delete":  askDeleteVariable,
	"POST /vaults/{vault}/environment/{key}/delete": deleteVariable,
}

// variables is what the page of the environment shows, with what was filled in for another
// one but its value.
type variables struct {
	vaultHead
	Rows                               []variableRow
	Key, Environments, Branch, Comment string
	Sensitive                          bool
	Problem                            string
}

// variableRow is a variable with the place where it holds.
type variableRow struct {
	client.EnvVar
	Environment string
}

func environment(v *frame.Visit) error { return showEnvironment(v, http.StatusOK, variables{}) }

func showEnvironment(v *frame.Visit, status int, d variables) (err error) {
	if d.vaultHead, err = headOf(v, "environment"); err != nil {
		return err
	}
	all, err := v.API.EnvVars(v.R.Context(), d.ID)
	if err != nil {
		return err
	}
	for i := range all {
		d.Rows = append(d.Rows, variableRow{all[i], strings.Join(all[i].Environments, ",")})
	}
	return v.Show(status, "environment", d.Name, d)
}

// setVariable sets a variable, or stores a new version of it.
func setVariable(v *frame.Visit) error {
	d := variables{
		Key: v.Form("key_name"), Environments: v.Form("environments"), Branch: v.Form("branch"), Comment: v.Form("comment"), Sensitive: v.Form("sensitive") != "",
	}
	value := client.ValueOf(strings.ReplaceAll(v.R.PostFormValue("value"), "\r\n", "\n"))
	defer value.Wipe()
	id := v.R.PathValue("vault")
	_, err := v.API.SetEnvVar(v.R.Context(), id, client.EnvVarSet{
		Key: d.Key, Environments: listOf(d.Environments), GitBranch: d.Branch, Comment: d.Comment, Sensitive: d.Sensitive,
	}, value)
	if frame.Retry(err) {
		var status int
		status, d.Problem = v.Describe(err)
		return showEnvironment(v, status, d)
	}
	if err != nil {
		return err
	}
	return v.Back("/vaults/"+id+"/environment", "The variable is stored.")
}

// placeIn is where the variable of the request holds.
func placeIn(v *frame.Visit) client.EnvVarPlace {
	return client.EnvVarPlace{Environment: cmp.Or(v.Form("environment"), v.Query("environment")), GitBranch: cmp.Or(v.Form("branch"), v.Query("branch"))}
}

func revealVariable(v *frame.Visit) error {
	id := v.R.PathValue("vault")
	got, err := v.API.GetEnvVar(v.R.Context(), id, v.R.PathValue("key"), placeIn(v))
	if err != nil {
		return err
	}
	defer got.Value.Wipe()
	d := revealed{Value: string(got.Value.Reveal()), Version: got.Version, Path: got.Key, Back: "/vaults/" + id + "/environment"}
	return v.Show(http.StatusOK, "revealed", v.T("The value of %s", got.Key), d)
}

func askDeleteVariable(v *frame.Visit) error { return showDeleteVariable(v, http.StatusOK, "") }

func showDeleteVariable(v *frame.Visit, status int, problem string) error {
	h, err := headOf(v, "environment")
	if err != nil {
		return err
	}
	d := destruction{
		Name: v.R.PathValue("key"), Problem: problem, Back: "/vaults/" + h.ID + "/environment", Button: v.T("Delete the variable"),
		Text: v.T("Programs that start with it fail from then on."), Place: placeIn(v),
	}
	if d.Readers, err = granted(v.R.Context(), v, h.ID); frame.Seen(err) != nil {
		return err
	}
	return v.Show(status, "destroy", v.T("Delete the variable %s?", d.Name), d)
}

func deleteVariable(v *frame.Visit) error {
	id, key := v.R.PathValue("vault"), v.R.PathValue("key")
	if !typed(v, key) {
		return showDeleteVariable(v, http.StatusUnprocessableEntity, v.T("The name that you typed is another one."))
	}
	if err := v.API.DeleteEnvVar(v.R.Context(), id, key, placeIn(v)); err != nil {
		return err
	}
	return v.Back("/vaults/"+id+"/environment", "The variable is deleted.")
}
