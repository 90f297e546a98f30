package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// database is a PostgreSQL server whose credential an agent uses.
type database struct {
	*executing
	host, name string
	port       int
	run        func(sql string)
}

const databasePassword = "s3cr3t-of-a-database"

// openDatabase makes a role with a password, and a table that it may change.
func openDatabase(t *testing.T) *database { return openDatabaseAt(t, pgtest.Shared(t)) }

func openDatabaseAt(t *testing.T, server *pgtest.Cluster, change ...func(*setup)) *database {
	x := openExecuting(t, change...)
	dsn := server.DSN(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	d := &database{executing: x, host: u.Hostname(), name: strings.TrimPrefix(u.Path, "/"), run: pgtest.Session(t, dsn)}
	if d.port, err = strconv.Atoi(u.Port()); err != nil {
		t.Fatal(err)
	}
	role := "reader_" + d.name
	d.run(`CREATE ROLE "` + role + `" LOGIN PASSWORD '` + databasePassword + `'`)
	d.run(`CREATE TABLE orders (id int PRIMARY KEY, customer text, total numeric, note jsonb, sent boolean)`)
	d.run(`INSERT INTO orders VALUES (1, 'ada', 9.50, '{"a": 1}', true), (2, 'bob', 3, NULL, false)`)
	d.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO "` + role + `"`)
	d.run(`GRANT CREATE ON SCHEMA public TO "` + role + `"`)
	return d
}

func (d *database) config() object {
	return object{"host": d.host, "port": d.port, "database": d.name, "username": "reader_" + d.name, "sslmode": "disable"}
}

func (d *database) bindTo(rails object) reply {
	d.t.Helper()
	return d.do("POST", d.at("/bindings"), d.ada.token, object{"name": "pay", "binding_type": "postgres", "config": d.config(), "guardrails": rails, "credential": databasePassword})
}

func (d *database) query(sql string, params ...any) reply {
	d.t.Helper()
	if params == nil {
		params = []any{}
	}
	return d.do("POST", d.at("/execute"), d.agent.token, object{"binding": "pay", "intent_type": "postgres", "params": object{"query": sql, "params": params}})
}

// count is a number that the database itself gives.
func (d *database) count(t *testing.T, want int, what string) {
	t.Helper()
	got := d.query(`SELECT count(*) FROM orders`).want(200)
	if rows := fmt.Sprint(got.json()["result"].(map[string]any)["rows"]); rows != fmt.Sprintf("[[%d]]", want) {
		t.Errorf("%s: there are %s orders, not %d", what, rows, want)
	}
}

func TestAnAgentQueriesADatabaseWithACredentialThatItNeverSees(t *testing.T) {
	d := openDatabase(t)
	made := d.bindTo(object{}).want(201)
	if g := fmt.Sprint(made.json()["guardrails"]); !strings.Contains(g, "read_only:true") || strings.Contains(string(made.body), "s3cr3t") {
		t.Errorf("the binding is %s", made.body)
	}
	got := d.query(`SELECT id, customer, total, note, sent, NULL AS nothing FROM orders WHERE customer = $1 AND total > $2 ORDER BY id`, "ada", 5).want(200)
	result := got.json()["result"].(map[string]any)
	if rows := fmt.Sprint(result["rows"]); rows != `[[1 ada 9.50 {"a": 1} t <nil>]]` || result["command"] != "SELECT" || fmt.Sprint(result["row_count"]) != "1" {
		t.Errorf("got %s", got.body)
	}
	if columns := fmt.Sprint(result["columns"]); !strings.Contains(columns, "name:total type:numeric") {
		t.Errorf("the columns are %s", columns)
	}
	// What psql asks for \d, as it writes it.
	for _, sql := range []string{
		`SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname OPERATOR(pg_catalog.~) '^(orders)$' COLLATE pg_catalog.default AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3;`,
		`SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef), a.attnotnull
FROM pg_catalog.pg_attribute a WHERE a.attrelid = 'orders'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;`,
	} {
		if got := d.query(sql).want(200); got.str("status") != "success" || !strings.Contains(string(got.body), `"rows":[[`) {
			t.Errorf("%s: %s", sql, got.body)
		}
	}
	// The password in rows and in names of columns, in several writings.
	for _, text := range []string{databasePassword, base64.StdEncoding.EncodeToString([]byte(databasePassword)), fmt.Sprintf("%x", databasePassword)} {
		got := d.query(`SELECT $1::text AS a`, "<"+text+">").want(200)
		if strings.Contains(string(got.body), text) || !strings.Contains(string(got.body), "REDACTED:credential") {
			t.Errorf("%s is answered with %s", text, got.body)
		}
	}
	if got := d.query(`SELECT 1 AS "` + databasePassword + `"`).want(200); strings.Contains(string(got.body), "s3cr3t") || fmt.Sprint(got.json()["redactions_applied"]) != "1" {
		t.Errorf("got %s", got.body)
	}
	list := d.do("GET", d.at("/executions"), d.agent.token, nil).want(200).list("events")
	if len(list) != 7 || list[6]["status"] != "success" || list[6]["request_summary"].(map[string]any)["method"] != "SELECT" || list[6]["request_summary"].(map[string]any)["host"] != fmt.Sprintf("%s:%d", d.host, d.port) {
		t.Errorf("the list is %v", list)
	}
	if fmt.Sprint(list[6]["result_summary"].(map[string]any)["rows"]) != "1" || list[6]["binding_name"] != made.str("name") {
		t.Errorf("the list has %v", list[6])
	}
	rows := false
	for _, e := range d.Events(d.ada.org) {
		text := string(e.DetailsJSON)
		rows = rows || e.Action == "secret.used" && strings.Contains(text, `"rows":1`)
		if strings.Contains(text, "s3cr3t") || strings.Contains(text, "orders") || strings.Contains(text, "customer") {
			t.Errorf("the log has %s", text)
		}
	}
	if !rows {
		t.Error("the log does not say how many rows there were")
	}
	if got := d.do("POST", d.at("/bindings/"+made.str("id")+"/test"), d.ada.token, object{}).want(200); got.json()["success"] != true {
		t.Errorf("the test says %s", got.body)
	}
}

// Whatever a statement is, a binding that only reads leaves the database as it was.
func TestAQueryThatOnlyReadsChangesNothing(t *testing.T) {
	d := openDatabase(t)
	d.run(`CREATE FUNCTION changes() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN DELETE FROM orders; RETURN 1; END $$`)
	d.bindTo(object{}).want(201)
	for _, sql := range []string{
		`INSERT INTO orders VALUES (3)`, ` /* a /* nested */ comment */ -- another` + "\n" + `DELETE FROM orders`, `UPDATE orders SET total = 0`, `call changes()`,
		`MERGE INTO orders USING orders o ON false WHEN NOT MATCHED THEN DO NOTHING`,
	} {
		d.query(sql).want(403, "read_only")
	}
	for _, sql := range []string{
		`COPY orders TO STDOUT`, `COPY orders FROM STDIN`, `copy (SELECT 1) to program 'id'`, `LISTEN a`, `NOTIFY a`, `BEGIN`, `COMMIT`, `ROLLBACK`, `SET ROLE postgres`, `DO $$ BEGIN END $$`,
		`PREPARE a AS SELECT 1`, `TRUNCATE orders`, `CREATE TABLE a ()`, `DROP TABLE orders`, `GRANT ALL ON orders TO public`, `LOCK TABLE orders`, `VACUUM`, `SELECTED`, `SELECT1`, `SELECT_x`, ``, `;`, `--`, `/* SELECT`, `/* -- */ /* */`,
		`-- SELECT` + "\r" + `COPY orders TO STDOUT`, `WITHé`,
	} {
		d.query(sql).want(400, "invalid_statement")
	}
	d.do("POST", d.at("/execute"), d.agent.token, object{"binding": "pay", "intent_type": "postgres", "params": object{"query": "SELECT 1\u0000"}}).want(400)
	before := len(d.do("GET", d.at("/executions"), d.ada.token, nil).want(200).list("events"))
	if before != 0 {
		t.Errorf("%d of them are in the list", before)
	}
	for name, sql := range map[string]string{
		"a second statement":         `SELECT 1; DELETE FROM orders`,
		"that ends ours":             `SELECT 1; COMMIT; DELETE FROM orders`,
		"a change in a query":        `WITH gone AS (DELETE FROM orders RETURNING 1) SELECT * FROM gone`,
		"a function that changes":    `SELECT changes()`,
		"a change that is explained": `EXPLAIN ANALYZE DELETE FROM orders`,
		"a setting first":            `SELECT set_config('transaction_read_only', 'off', true), changes()`,
		"a setting of the session":   `SELECT set_config('default_transaction_read_only', 'off', false), changes()`,
		"a new table":                `SELECT 1 AS a INTO b`,
		"a lock on rows":             `SELECT * FROM orders FOR UPDATE`,
	} {
		got := d.query(sql).want(200)
		if got.str("status") != "error" || !strings.Contains(got.str("error"), "SQLSTATE class") || got.json()["result"] != nil {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	d.count(t, 2, "after all of them")
	d.query(`SELECT lo_from_bytea(0, 'x')`) // which PostgreSQL before 16 lets such a transaction do
	if got := d.query(`SELECT count(*) FROM pg_largeobject_metadata`).want(200); !strings.Contains(string(got.body), `[["0"]]`) {
		t.Errorf("large objects: %s", got.body)
	}
	// What a function does to a session ends with it.
	d.query(`SELECT set_config('search_path', 'nowhere', false)`).want(200)
	d.count(t, 2, "of a session of its own")
	// A test of a binding that writes reads.
	d.do("POST", d.at("/execute"), d.agent.token, object{"binding": "pay", "intent_type": "http", "params": object{}}).want(400, "intent_type_not_supported")
}

func TestABindingThatWritesKeepsWhatIsWhole(t *testing.T) {
	d := openDatabase(t)
	made := d.bindTo(object{"read_only": false, "max_rows": 2}).want(201)
	got := d.query(`INSERT INTO orders (id, customer) SELECT i, $1 FROM generate_series(3, 10) i RETURNING id`, "eve").want(200)
	result := got.json()["result"].(map[string]any)
	if fmt.Sprint(result["rows"]) != "[[3] [4]]" || result["truncated"] != true || fmt.Sprint(result["row_count"]) != "8" || result["command"] != "INSERT" {
		t.Errorf("got %s", got.body)
	}
	d.count(t, 10, "all of them are kept, however many are shown")
	// What has no rows, or no columns, says so: a list is never left out.
	for _, tc := range [][2]string{ // in this order: the last takes away what the third stores
		{`DELETE FROM orders WHERE id > 100`, `"columns":[],"rows":[],"command":"DELETE","row_count":0`},
		{`SELECT id FROM orders WHERE id > 100`, `"columns":[{"name":"id","type":"int4"}],"rows":[],"command":"SELECT","row_count":0`},
		{`INSERT INTO orders (id) VALUES (50)`, `"columns":[],"rows":[],"command":"INSERT","row_count":1`},
		{`DELETE FROM orders WHERE id = 50`, `"columns":[],"rows":[],"command":"DELETE","row_count":1`},
	} {
		if got := d.query(tc[0]).want(200); !strings.Contains(string(got.body), `"result":{`+tc[1]+`}`) {
			t.Errorf("%s: %s", tc[0], got.body)
		}
	}
	if got := d.query(`INSERT INTO orders (id) VALUES (11), (1)`).want(200); got.str("status") != "error" || !strings.Contains(got.str("error"), "class 23") || strings.Contains(string(got.body), "orders_pkey") {
		t.Errorf("got %s", got.body)
	}
	d.query(`DELETE FROM orders; SELECT 1`).want(200)
	d.count(t, 10, "half of a statement is not kept")
	d.run(`ALTER TABLE orders ADD CONSTRAINT late UNIQUE (total) DEFERRABLE INITIALLY DEFERRED`)
	if got := d.query(`UPDATE orders SET total = 1`).want(200); got.str("status") != "error" || !strings.Contains(got.str("error"), "class 23") {
		t.Errorf("a constraint that is looked at last: %s", got.body)
	}
	d.do("PATCH", d.at("/bindings/"+made.str("id")), d.ada.token, object{"guardrails": object{"read_only": nil}}).want(200)
	d.query(`DELETE FROM orders`).want(403, "read_only")
}

// A right that ends while a statement runs keeps nothing of it.
func TestARightThatEndsDuringAStatementCommitsNothing(t *testing.T) {
	d := openDatabase(t)
	at := d.at("/bindings/" + d.bindTo(object{"read_only": false}).want(201).str("id"))
	for what, change := range map[string][2]object{
		"switched off":     {{"is_active": false}, {"is_active": true}},
		"may only read":    {{"guardrails": object{"read_only": true}}, {"guardrails": object{"read_only": false}}},
		"another database": {{"config": object{"database": "template1"}}, {"config": object{"database": d.name}}},
	} {
		d.run(`BEGIN`)
		d.run(`LOCK TABLE orders`)
		done := make(chan reply, 1)
		go func() { done <- d.query(`DELETE FROM orders`) }()
		d.waits()
		d.do("PATCH", at, d.ada.token, change[0]).want(200)
		d.run(`COMMIT`)
		if got := <-done; got.status != 403 || !strings.Contains(string(got.body), "Nothing was changed") || strings.Contains(string(got.body), "not known") {
			t.Errorf("%s: got %d %s", what, got.status, got.body)
		}
		d.do("PATCH", at, d.ada.token, change[1]).want(200)
		d.count(t, 2, what)
	}
}

// PostgreSQL doubles marks in records, identifiers and literals.
func TestAPasswordIsFoundAsPostgreSQLQuotesIt(t *testing.T) {
	const password = `Qu"ote's\-of-a-secret`
	d := openDatabase(t)
	d.run(`ALTER ROLE "reader_` + d.name + `" PASSWORD E'Qu"ote\'s\\-of-a-secret'`)
	d.do("POST", d.at("/bindings"), d.ada.token, object{"name": "pay", "binding_type": "postgres", "config": d.config(), "guardrails": object{}, "credential": password}).want(201)
	for _, sql := range []string{`SELECT $1::text`, `SELECT ROW($1::text, 2)`, `SELECT ARRAY[$1::text]`, `SELECT quote_ident($1)`, `SELECT quote_literal($1)`, `SELECT to_json($1::text)`} {
		if got := d.query(sql, password).want(200); !strings.Contains(string(got.body), "REDACTED:credential") || strings.Contains(string(got.body), "of-a-secret") {
			t.Errorf("%s: %s", sql, got.body)
		}
	}
}

// waits returns when a statement of an execution waits for a lock.
func (d *database) waits() {
	d.run(`DO $$ BEGIN FOR i IN 1..3000 LOOP PERFORM pg_stat_clear_snapshot();
		IF EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = 'oneclaw' AND wait_event_type = 'Lock' AND datname = current_database()) THEN RETURN; END IF;
		PERFORM pg_sleep(0.01); END LOOP; RAISE 'nothing waits'; END $$`)
}

// What a database answers is bounded in rows, bytes and time, and what it says of errors is not told.
func TestWhatADatabaseAnswersIsBounded(t *testing.T) {
	d := openDatabase(t)
	made := d.bindTo(object{"max_duration_ms": 10_000}).want(201)
	if got := d.query(`SELECT generate_series(1, 5000000)`).want(200); len(got.json()["result"].(map[string]any)["rows"].([]any)) != 1000 || got.json()["result"].(map[string]any)["row_count"] != nil {
		t.Errorf("got %d bytes", len(got.body))
	}
	if got := d.query(`SELECT repeat('a', 100000) FROM generate_series(1, 100)`).want(200); len(got.body) > 1<<20+1<<16 || got.json()["result"].(map[string]any)["truncated"] != true {
		t.Errorf("got %d bytes", len(got.body))
	}
	if got := d.query(`SELECT repeat('a', 50000000)`).want(200); got.str("status") != "error" || !strings.Contains(got.str("error"), "row") {
		t.Errorf("got %d bytes", len(got.body))
	}
	for sql, class := range map[string]string{
		`SELECT * FROM "` + databasePassword + `"`:                  "42",
		`SELECT '` + databasePassword + `'::int`:                    "22",
		`SELECT rolpassword FROM pg_authid`:                         "42",
		`SELECT pg_read_file('/etc/passwd')`:                        "42",
		`SELECT 1/0`:                                                "22",
		`SELECT $1::int`:                                            "08",
		`SELECT query_to_xml('SELECT 1; SELECT 2', true, true, '')`: "",
	} {
		got := d.query(sql).want(200)
		if class == "" {
			continue
		}
		if got.str("status") != "error" || class != "08" && !strings.Contains(got.str("error"), "class "+class) || strings.Contains(string(got.body), "s3cr3t") || strings.Contains(string(got.body), "pg_authid") {
			t.Errorf("%s: %s", sql, got.body)
		}
	}
	d.do("PATCH", d.at("/bindings/"+made.str("id")), d.ada.token, object{"guardrails": object{"max_duration_ms": 300}}).want(200)
	if got := d.query(`SELECT pg_sleep(60)`).want(200); got.str("status") != "error" || !strings.Contains(got.str("error"), "longer") {
		t.Errorf("got %s", got.body)
	}
	if e := d.do("GET", d.at("/executions?limit=1"), d.ada.token, nil).want(200).list("events")[0]; e["error_message"] != "execution_timeout" {
		t.Errorf("the list has %v", e)
	}
	d.do("PATCH", d.at("/bindings/"+made.str("id")), d.ada.token, object{"guardrails": object{"read_only": false}}).want(200)
	if got := d.query(`SELECT pg_sleep(60)`).want(200); !strings.Contains(got.str("error"), "time limit") || !strings.Contains(got.str("error"), "Nothing was changed") {
		t.Errorf("got %s", got.body)
	}
}

func TestBindingsOfDatabases(t *testing.T) {
	d := openDatabase(t)
	whole := func(change object) object {
		config := d.config()
		for k, v := range change {
			config[k] = v
		}
		return object{"name": "pay", "binding_type": "postgres", "config": config, "credential": databasePassword}
	}
	for name, body := range map[string]object{
		"a URL": whole(object{"base_url": "https://a.example"}), "headers": whole(object{"headers": object{"A": "b"}}), "no host": whole(object{"host": nil}), "no database": whole(object{"database": nil}),
		"a host with a port": whole(object{"host": "a.example:1"}), "many hosts": whole(object{"host": "a.example,b.example"}), "a socket": whole(object{"host": "/run/postgresql"}), "a pattern": whole(object{"host": "*.example.com"}),
		"a mode that looks at nothing": whole(object{"sslmode": "require"}), "a zero byte": whole(object{"database": "a\u0000options\u0000-c x"}), "a user of two lines": whole(object{"username": "a\nb"}), "a port": whole(object{"port": 65536}),
		"too many rows":  {"name": "pay", "binding_type": "postgres", "config": d.config(), "credential": databasePassword, "guardrails": object{"max_rows": 10_001}},
		"paths":          {"name": "pay", "binding_type": "postgres", "config": d.config(), "credential": databasePassword, "guardrails": object{"allowed_paths": []string{"/a"}}},
		"another host":   {"name": "pay", "binding_type": "postgres", "config": d.config(), "credential": databasePassword, "guardrails": object{"allowed_hosts": []string{"a.example:5432"}}},
		"a header":       {"name": "pay", "binding_type": "postgres", "config": d.config(), "credential": object{"type": "header", "name": "X-A", "value": databasePassword}},
		"a host of http": {"name": "pay", "binding_type": "http", "config": object{"base_url": "https://a.example", "host": "a.example"}, "credential": databasePassword},
		"a short one":    {"name": "pay", "binding_type": "postgres", "config": d.config(), "credential": "short"},
	} {
		if got := d.do("POST", d.at("/bindings"), d.ada.token, body); got.status != 400 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	bind := func(change object) {
		t.Helper()
		made := d.do("POST", d.at("/bindings"), d.ada.token, whole(change)).want(201)
		t.Cleanup(func() {})
		defer d.do("DELETE", d.at("/bindings/"+made.str("id")), d.ada.token, nil).want(204)
		got := d.query(`SELECT 1`)
		if all := string(got.body); got.status == 200 && got.str("status") != "error" || strings.Contains(all, d.name) || strings.Contains(all, "s3cr3t") || strings.Contains(all, "127.0.0.1") {
			t.Errorf("%v: %d %s", change, got.status, got.body)
		}
	}
	bind(object{"sslmode": nil})        // the server has no TLS: the password does not go out in the clear
	bind(object{"username": "nobody"})  // whom it does not know
	bind(object{"database": "nowhere"}) // that it has not
	bind(object{"port": 1})
	bind(object{"host": "10.0.0.1"}) // what the operator did not allow
	// The agent's own bound holds too.
	d.do("POST", d.at("/bindings"), d.ada.token, whole(nil)).want(201)
	d.query(`SELECT 1`).want(200)
	d.do("PATCH", d.at(""), d.ada.token, object{"execution_guardrails": object{"allowed_hosts": []string{d.host}}}).want(200)
	d.query(`SELECT 1`).want(403, "host_not_allowed")
	d.do("PATCH", d.at(""), d.ada.token, object{"execution_guardrails": object{"allowed_hosts": []string{fmt.Sprintf("%s:%d", d.host, d.port)}}}).want(200)
	d.query(`SELECT 1`).want(200)
}
