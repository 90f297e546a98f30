package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The server refuses to start on a setting that it does not know, so one that
// is misspelt in a file that people deploy with would stop them all.
func TestDeployedSettingsExist(t *testing.T) {
	root := filepath.Join("..", "..")
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var known []string
	for _, m := range regexp.MustCompile(`env:"([A-Z0-9_]+)`).FindAllStringSubmatch(read("internal/config/config.go"), -1) {
		known = append(known, "ONECLAW_"+m[1])
	}
	for _, file := range []string{"Dockerfile", "deploy/systemd/oneclaw.service"} {
		names := regexp.MustCompile(`ONECLAW_[A-Z0-9_]+`).FindAllString(read(file), -1)
		if len(names) == 0 {
			t.Errorf("%s sets nothing: does this test still read the right file?", file)
		}
		for _, name := range names {
			if !slices.Contains(known, name) {
				t.Errorf("%s names %s; the settings are %s", file, name, strings.Join(known, " "))
			}
		}
	}
}
