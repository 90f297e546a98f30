//go:build goexperiment.runtimesecret

package erase

import (
	"runtime"
	"runtime/secret"
)

// Enabled reports whether Do erases anything in this build.
const Enabled = runtime.GOOS == "linux" && (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64")

// Do calls f and erases what it left. A Do within a Do adds nothing, since the
// outer one covers it, so it costs nothing either. Results that live long
// should go to memory that the caller allocated: memory that f allocates costs
// the garbage collector extra work until it is gone.
func Do(f func()) {
	if secret.Enabled() {
		f()
		return
	}
	secret.Do(f)
}
