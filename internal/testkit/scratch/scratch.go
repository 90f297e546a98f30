// Package scratch makes the folders in which tests keep databases.
//
// Its promise: a folder is in memory where there is enough of it. A flush takes no time
// there, which is most of what a small write waits for, and what is written never reaches
// a disk. It makes no difference to a process that is killed.
package scratch

import (
	"os"

	"github.com/oneclaw-dev/oneclaw/internal/files"
)

const (
	// memory is where Linux keeps files in memory.
	memory = "/dev/shm"
	// enough is what must be free there: packages that are tested at once share it.
	enough = 4 << 30
)

// Dir makes a folder of its own, as os.MkdirTemp does. The caller removes it.
func Dir(pattern string) (string, error) {
	if free, err := files.Free(memory); err == nil && free >= enough {
		if dir, err := os.MkdirTemp(memory, pattern); err == nil {
			return dir, nil
		}
	}
	return os.MkdirTemp("", pattern)
}
