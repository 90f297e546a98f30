package pgtest

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
)

// debianBins is where Debian and its children put each version's programs,
// which they keep out of PATH.
const debianBins = "/usr/lib/postgresql/*/bin"

// ErrMissing says that this machine has no PostgreSQL server.
var ErrMissing = errors.New("pgtest: PostgreSQL (initdb and postgres) is not installed; " +
	"`make test` installs it on Debian, elsewhere install the PostgreSQL server package")

// findBin returns the directory of the newest PostgreSQL that glob matches, or
// else the one that lookPath finds initdb in.
func findBin(glob string, lookPath func(string) (string, error)) (string, error) {
	dirs, err := filepath.Glob(glob)
	if err != nil {
		return "", err
	}
	best, newest := "", -1
	for _, dir := range dirs {
		version, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if err == nil && version > newest && complete(dir) {
			best, newest = dir, version
		}
	}
	if best != "" {
		return best, nil
	}
	if initdb, err := lookPath("initdb"); err == nil {
		// PATH may hold a link; the other programs are beside what it names.
		if real, err := filepath.EvalSymlinks(initdb); err == nil && complete(filepath.Dir(real)) {
			return filepath.Dir(real), nil
		}
	}
	return "", ErrMissing
}

func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}
