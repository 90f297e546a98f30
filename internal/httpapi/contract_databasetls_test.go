package httpapi_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/childproxy/authority"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// allHere has every name lead to this machine.
type allHere struct{}

func (allHere) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// A database is spoken to over TLS, with a certificate for its name from an authority that the server trusts; with any
// other it is given no password.
func TestADatabaseIsTheOneOfItsName(t *testing.T) {
	ca, err := authority.New(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.For("db.test")
	if err != nil {
		t.Fatal(err)
	}
	cluster := pgtest.Start(t, pgtest.TLS(certificate))
	for name, c := range map[string]struct {
		host    string
		trusted bool
		why     string
	}{
		"its name":               {"db.test", true, ""},
		"its name in capitals":   {"DB.test", true, ""},
		"another name":           {"other.test", true, "certificate is for another name"},
		"its address":            {"127.0.0.1", true, "certificate is for another name"},
		"a name below":           {"a.db.test", true, "certificate is for another name"},
		"an authority of nobody": {"db.test", false, "certificate is not trusted"},
	} {
		t.Run(name, func(t *testing.T) {
			roots := x509.NewCertPool()
			if c.trusted {
				roots.AddCert(ca.Certificate())
			}
			d := openDatabaseAt(t, cluster, func(s *setup) { s.Roots, s.Reached.Resolver = roots, allHere{} })
			config := d.config()
			config["host"] = c.host
			delete(config, "sslmode")
			made := d.do("POST", d.at("/bindings"), d.ada.token, object{"name": "pay", "binding_type": "postgres", "config": config, "guardrails": object{}, "credential": databasePassword}).want(201)
			got := d.query(`SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()`).want(200)
			if c.why == "" {
				if text := string(got.body); got.str("status") != "success" || !strings.Contains(text, `[["t","TLSv1.`) {
					t.Errorf("got %s", got.body)
				}
			} else {
				if got.str("status") != "error" || !strings.Contains(got.str("error"), "Nothing was sent") || !strings.Contains(got.str("error"), c.why) || strings.Contains(string(got.body), "db.test") {
					t.Errorf("got %s", got.body)
				}
				if e := d.do("GET", d.at("/executions?limit=1"), d.ada.token, nil).want(200).list("events")[0]; e["error_message"] != "upstream_unreachable" {
					t.Errorf("the list has %v", e)
				}
			}
			tested := d.do("POST", d.at("/bindings/"+made.str("id")+"/test"), d.ada.token, object{}).want(200)
			if tested.json()["success"] != (c.why == "") {
				t.Errorf("a test of the binding says %s", tested.body)
			}
			if log := cluster.Log(t); strings.Contains(log, "reader_"+d.name) != (c.why == "") {
				t.Errorf("the database was logged in to: %v\n%s", c.why != "", fmt.Sprint(log))
			}
		})
	}
}

// A binding whose sslmode is not what the database takes is told which one is, by the execution and by its test.
func TestADatabaseSaysWhichSSLModeItTakes(t *testing.T) {
	ca, err := authority.New(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.For("db.test")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate())
	for name, c := range map[string]struct {
		server *pgtest.Cluster
		mode   string
		why    string
	}{
		"TLS where there is none":  {pgtest.Shared(t), "verify-full", "--sslmode disable"},
		"none where TLS is wanted": {pgtest.Start(t, pgtest.TLS(certificate), pgtest.DemandTLS()), "disable", "--sslmode verify-full"},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDatabaseAt(t, c.server, func(s *setup) { s.Roots, s.Reached.Resolver = roots, allHere{} })
			config := d.config()
			config["host"], config["sslmode"] = "db.test", c.mode
			made := d.do("POST", d.at("/bindings"), d.ada.token, object{"name": "pay", "binding_type": "postgres", "config": config, "guardrails": object{}, "credential": databasePassword}).want(201)
			if got := d.query(`SELECT 1`).want(200); got.str("status") != "error" || !strings.Contains(got.str("error"), c.why) {
				t.Errorf("got %s", got.body)
			}
			if got := d.do("POST", d.at("/bindings/"+made.str("id")+"/test"), d.ada.token, object{}).want(200); got.json()["success"] != false || !strings.Contains(got.str("error"), c.why) {
				t.Errorf("its test says %s", got.body)
			}
		})
	}
}
