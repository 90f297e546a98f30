//go:build unix && !linux

package process

func notDumpable() {} // the limit is all there is
