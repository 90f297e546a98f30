package signedin

import (
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
)

var environmentPages = map[string]page{
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

func environment(v *visit) error { return v.environment(http.StatusOK, variables{}) }

func (v *visit) environment(status int, d variables) (err error) {
	if d.vaultHead, err = v.head("environment"); err != nil {
		return err
	}
	all, err := v.api.EnvVars(v.r.Context(), d.ID)
	if err != nil {
		return err
	}
	for i := range all {
		d.Rows = append(d.Rows, variableRow{all[i], strings.Join(all[i].Environments, ",")})
	}
	return v.show(status, "environment", d.Name, d)
}

// setVariable sets a variable, or stores a new version of it.
func setVariable(v *visit) error {
	d := variables{
		Key: v.form("key_name"), Environments: v.form("environments"), Branch: v.form("branch"), Comment: v.form("comment"), Sensitive: v.form("sensitive") != "",
	}
	value := client.ValueOf(strings.ReplaceAll(v.r.PostFormValue("value"), "\r\n", "\n"))
	defer value.Wipe()
	id := v.r.PathValue("vault")
	_, err := v.api.SetEnvVar(v.r.Context(), id, client.EnvVarSet{
		Key: d.Key, Environments: listOf(d.Environments), GitBranch: d.Branch, Comment: d.Comment, Sensitive: d.Sensitive,
	}, value)
	if retry(err) {
		var status int
		status, d.Problem = describe(v, err)
		return v.environment(status, d)
	}
	if err != nil {
		return err
	}
	return v.back("/vaults/"+id+"/environment", "The variable is stored.")
}

// place is where the variable of the request holds.
func (v *visit) place() client.EnvVarPlace {
	return client.EnvVarPlace{Environment: nameOr(v.form("environment"), v.query("environment")), GitBranch: nameOr(v.form("branch"), v.query("branch"))}
}

func revealVariable(v *visit) error {
	id := v.r.PathValue("vault")
	got, err := v.api.GetEnvVar(v.r.Context(), id, v.r.PathValue("key"), v.place())
	if err != nil {
		return err
	}
	defer got.Value.Wipe()
	d := revealed{Value: string(got.Value.Reveal()), Version: got.Version, Path: got.Key, Back: "/vaults/" + id + "/environment"}
	return v.show(http.StatusOK, "revealed", v.t("The value of %s", got.Key), d)
}

func askDeleteVariable(v *visit) error { return v.askDeleteVariable(http.StatusOK, "") }

func (v *visit) askDeleteVariable(status int, problem string) error {
	h, err := v.head("environment")
	if err != nil {
		return err
	}
	d := destruction{
		Name: v.r.PathValue("key"), Problem: problem, Back: "/vaults/" + h.ID + "/environment", Button: v.t("Delete the variable"),
		Text: v.t("Programs that start with it fail from then on."), Place: v.place(),
	}
	if d.Readers, err = v.granted(v.r.Context(), h.ID); seen(err) != nil {
		return err
	}
	return v.show(status, "destroy", v.t("Delete the variable %s?", d.Name), d)
}

func deleteVariable(v *visit) error {
	id, key := v.r.PathValue("vault"), v.r.PathValue("key")
	if !v.typed(key) {
		return v.askDeleteVariable(http.StatusUnprocessableEntity, v.t("The name that you typed is another one."))
	}
	if err := v.api.DeleteEnvVar(v.r.Context(), id, key, v.place()); err != nil {
		return err
	}
	return v.back("/vaults/"+id+"/environment", "The variable is deleted.")
}
