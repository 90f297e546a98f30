package pgtest

import (
	"context"
	"io"
	"os/exec"
)

// watchScript waits for its standard input to end, which happens when the test
// closes it and just as well when the test process dies of any cause. Then it
// ends the server, if that still runs, and removes everything. A pid file can
// be stale, so the pid counts only while its working directory is the cluster's
// data. After a SIGKILL the server's few bytes of System V memory are left
// over; the pid file names them in its seventh line.
const watchScript = `
cat >/dev/null
pidfile=$1/data/postmaster.pid
pid=$(head -n 1 "$pidfile" 2>/dev/null)
ours() { [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$1/data" ]; }
if ours "$1"; then
	kill -QUIT "$pid"
	n=0
	while ours "$1" && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
	ours "$1" && kill -KILL "$pid"
fi
shm=$(sed -n '7s/.* //p' "$pidfile" 2>/dev/null)
[ -n "$shm" ] && ipcrm -m "$shm" 2>/dev/null
rm -rf "$1"
`

// watch starts the process that cleans up dir. The returned func lets it do so
// and waits for it.
func watch(dir string) (clean func() error, err error) {
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", watchScript, "pgtest-watch", dir)
	cmd.SysProcAttr = attributes(nil)
	var stdin io.WriteCloser
	if stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() error {
		_ = stdin.Close()
		return cmd.Wait()
	}, nil
}
