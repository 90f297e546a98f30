package config

import (
	"os"
	"reflect"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/files"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// exposed names the settings whose file has a secret that every user of the machine may read.
// Orchestrators mount files so in containers, where there is one user, so it is no reason to stop.
func exposed(vars map[string]string) (names []string) {
	for f := range reflect.TypeFor[Config]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		if f.Type != reflect.TypeFor[secret.Bytes]() && name != "TLS_KEY_FILE" || vars[prefix+name] == "" {
			continue
		}
		if info, err := os.Stat(vars[prefix+name]); err == nil && info.Mode().IsRegular() && files.OthersMay(info, 0o004) {
			names = append(names, prefix+name)
		}
	}
	return names
}
