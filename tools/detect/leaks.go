package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/BurntSushi/toml"
)

// The version of gitleaks whose rules are taken, and the hash of its module. It is
// no dependency: nothing of it is compiled.
const (
	gitleaks     = "github.com/zricethezav/gitleaks/v8@v8.30.1"
	gitleaksHash = "h1:PmEvCfVI7ti9dV3s5aMZUY7sS2GxRvG3yzih7E+cS3w="
)

// config is what is taken from the configuration of gitleaks.
type config struct {
	Allowlist allow
	Rules     []rule
}

type rule struct {
	ID          string   `json:"id"`
	Regex       string   `json:"regex"`
	Entropy     float64  `json:"entropy,omitempty"`
	SecretGroup int      `json:"group,omitempty"`
	Keywords    []string `json:"words"`
	Allowlists  []allow  `json:"allow,omitempty"`
}

type allow struct {
	RegexTarget string   `json:"target,omitempty"` // match, line; else the secret
	Regexes     []string `json:"regexes,omitempty"`
	Stopwords   []string `json:"words,omitempty"`
	Paths       []string `json:"-"`
	Condition   string   `json:"-"`
}

// leakRules are the rules about texts: those about names of files alone, and
// exceptions for them, mean nothing here.
func leakRules() ([]byte, error) {
	out, err := exec.Command("go", "mod", "download", "-json", gitleaks).Output()
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", gitleaks, err)
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal(out, &module); err != nil {
		return nil, err
	}
	if module.Sum != gitleaksHash {
		return nil, fmt.Errorf("%s is another module than the one that was looked at", gitleaks)
	}
	source, err := os.ReadFile(filepath.Join(module.Dir, "config", "gitleaks.toml"))
	if err != nil {
		return nil, err
	}
	var c config
	if err := toml.Unmarshal(source, &c); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	line := func(v any) error {
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	// A line for each rule, so that a new version shows what changed. The first
	// has what is no secret under any rule.
	if err := line(c.Allowlist); err != nil {
		return nil, err
	}
	for _, r := range c.Rules {
		// What says nothing of a text without the name of its file is left out.
		if r.Regex == "" || len(r.Keywords) == 0 || r.ID == "hashicorp-tf-password" {
			continue
		}
		var kept []allow
		for _, a := range r.Allowlists {
			if len(a.Paths) == 0 {
				kept = append(kept, a)
			}
		}
		r.Allowlists = kept
		if err := line(r); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
