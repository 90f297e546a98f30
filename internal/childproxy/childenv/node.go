package childenv

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// OldNode returns the version of the Node that a program runs on where its fetch uses no proxy:
// then placeholders would go to services as they are. It is empty where there is nothing to say.
func OldNode(ctx context.Context, program string) string {
	path, err := exec.LookPath(program)
	if err != nil || !onNode(path) {
		return ""
	}
	node := "node"
	if filepath.Base(path) == "node" {
		node = path
	}
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	version := strings.TrimSpace(string(out))
	if err != nil || nodeUsesProxies(version) {
		return ""
	}
	return version
}

// onNode reports whether a program is Node, or a script for it.
func onNode(path string) bool {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if slices.Contains([]string{"node", "npx", "tsx", "ts-node"}, name) {
		return true
	}
	if name == "npm" || name == "yarn" || name == "pnpm" {
		return false // they look for proxies themselves
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	line, _ := bufio.NewReaderSize(f, 256).ReadSlice('\n')
	return bytes.HasPrefix(line, []byte("#!")) && bytes.Contains(line, []byte("node"))
}

// nodeUsesProxies reports whether a version heeds NODE_USE_ENV_PROXY: 24, and 22 from 22.21.
func nodeUsesProxies(version string) bool {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	if len(parts) < 2 {
		return true // no version that was ever given
	}
	major, err := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return err != nil || err2 != nil || major >= 24 || major == 22 && minor >= 21
}
