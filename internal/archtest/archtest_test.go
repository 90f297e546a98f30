package archtest

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// load lists the packages of the real tree. Files that this build leaves out
// (another tag, another system) count as well, so they are read here.
func load(t *testing.T) []Package {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-tags", "pkcs11",
		"-json=ImportPath,Dir,Imports,IgnoredGoFiles", Module+"/...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []Package
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Dir         string
			Imports, IgnoredGoFiles []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		for _, file := range p.IgnoredGoFiles {
			if !strings.HasSuffix(file, "_test.go") {
				p.Imports = append(p.Imports, importsOf(t, filepath.Join(p.Dir, file))...)
			}
		}
		slices.Sort(p.Imports)
		packages = append(packages, Package{
			Path:    strings.TrimPrefix(p.ImportPath, Module+"/"),
			Imports: slices.Compact(p.Imports),
		})
	}
}

func importsOf(t *testing.T, file string) (imports []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		imports = append(imports, p)
	}
	return imports
}

func TestImportArrows(t *testing.T) {
	packages := load(t)
	// A listing that misses the tree would pass every rule.
	for _, want := range []string{"internal/fault", "internal/secret", "internal/archtest"} {
		if !slices.ContainsFunc(packages, func(p Package) bool { return p.Path == want }) {
			t.Fatalf("go list did not find %s", want)
		}
	}
	for _, sentence := range Check(packages) {
		t.Error(sentence)
	}
}

func TestRulesNameRulesThatExist(t *testing.T) {
	for from, allowed := range arrows {
		for _, to := range allowed {
			if _, ok := arrows[to]; !ok && to != anything && !isTestKit(to) {
				t.Errorf("%s may import %s, which has no rule", from, to)
			}
		}
	}
	for _, p := range slices.Concat(pure, common) {
		if _, ok := arrows[p]; !ok {
			t.Errorf("%s has no rule", p)
		}
	}
	for owned, by := range owners {
		for _, p := range by {
			if _, ok := arrows[p]; !ok {
				t.Errorf("%s, owner of %s, has no rule", p, owned)
			}
		}
	}
}

func TestCheckFindsPlantedImports(t *testing.T) {
	for name, tc := range map[string]struct {
		from, imports string
		broken        bool
	}{
		"vault may use policy":                    {"internal/vault", Module + "/internal/policy", false},
		"vault may use fault":                     {"internal/vault", Module + "/internal/fault", false},
		"vault may use the keystore interface":    {"internal/vault", Module + "/internal/keystore", false},
		"vault must not know a keystore":          {"internal/vault", Module + "/internal/keystore/soft", true},
		"vault must not know the store":           {"internal/vault", Module + "/internal/store", true},
		"identity must not know HTTP routes":      {"internal/identity", Module + "/internal/httpapi", true},
		"audit must not know the app":             {"internal/audit", Module + "/internal/app", true},
		"seal must not know the CLI":              {"internal/seal", Module + "/internal/cli", true},
		"policy must not know vault":              {"internal/policy", Module + "/internal/vault", true},
		"policy may use text":                     {"internal/policy", "strings", false},
		"policy may hold addresses":               {"internal/policy", "net/netip", false},
		"policy must not read files":              {"internal/policy", "os", true},
		"policy must not run programs":            {"internal/policy", "os/exec", true},
		"secretpath must not speak HTTP":          {"internal/secretpath", "net/http", true},
		"fault must not query":                    {"internal/fault", "database/sql", true},
		"fault and secret stay apart":             {"internal/fault", Module + "/internal/secret", true},
		"httpapi may call vault":                  {"internal/httpapi", Module + "/internal/vault", false},
		"httpapi must not know the store":         {"internal/httpapi", Module + "/internal/store", true},
		"httpapi must not know the keystore":      {"internal/httpapi", Module + "/internal/keystore", true},
		"httpapi may speak HTTP":                  {"internal/httpapi", "net/http", false},
		"mcpserver stands on the client":          {"internal/mcpserver", Module + "/client", false},
		"mcpserver must not call vault":           {"internal/mcpserver", Module + "/internal/vault", true},
		"cli stands on the client":                {"internal/cli", Module + "/client", false},
		"cli must not call vault":                 {"internal/cli", Module + "/internal/vault", true},
		"app may wire the store":                  {"internal/app", Module + "/internal/store", false},
		"app must not use the CLI":                {"internal/app", Module + "/internal/cli", true},
		"app must not use a test kit":             {"internal/app", Module + "/internal/testkit/pgtest", true},
		"the keystore must not use its own suite": {"internal/keystore", Module + "/internal/keystore/keystoretest", true},
		"ops must not know the app":               {"internal/ops", Module + "/internal/app", true},
		"a backup must not know the doctor":       {"internal/ops/backup", Module + "/internal/ops/doctor", true},
		"pages must not know the store":           {"internal/dashboard", Module + "/internal/store", true},
		"pages must not know the API":             {"internal/dashboard", Module + "/internal/httpapi", true},
		"the loopback must not know the API":      {"internal/loopback", Module + "/internal/httpapi", true},
		"main may use app":                        {"cmd/oneclaw", Module + "/internal/app", false},
		"main must not use vault":                 {"cmd/oneclaw", Module + "/internal/vault", true},
		"the client knows nothing of the server":  {"client", Module + "/internal/httpapi", true},
		"only what stores knows SQL":              {"internal/app", "database/sql", true},
		"only one package knows SQL drivers":      {"internal/vault", "github.com/jackc/pgx/v5/stdlib", true},
		"the store knows no SQL driver":           {"internal/store", "github.com/jackc/pgx/v5/stdlib", true},
		"it knows SQL drivers":                    {"internal/sqldb/driver", "modernc.org/sqlite", false},
		"the engine must not know the store":      {"internal/sqldb", Module + "/internal/store", true},
		"the engine must not know vaults":         {"internal/sqldb", Module + "/internal/vault", true},
		"the engine must not know people":         {"internal/sqldb", Module + "/internal/identity", true},
		"store knows SQL":                         {"internal/store", "database/sql", false},
		"a suite may import what it tests with":   {"internal/keystore/keystoretest", Module + "/internal/vault", false},
		"a package without a rule":                {"internal/brandnew", "strings", true},
		"a child of a known one without a rule":   {"internal/vault/cache", "strings", true},
		"the module's root is a package too":      {Module, "strings", true},
		"nobody imports the module's root":        {"internal/app", Module, true},
	} {
		t.Run(name, func(t *testing.T) {
			broken := Check([]Package{{Path: tc.from, Imports: []string{tc.imports}}})
			if (len(broken) > 0) != tc.broken {
				t.Errorf("%s -> %s: got %q", tc.from, tc.imports, broken)
			}
		})
	}
}
