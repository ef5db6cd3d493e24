//go:build !linux

package query

import (
	"fmt"
	"os/exec"
	"syscall"
)

// fileSpare is by how much a file may exceed the limit of temporary space.
const fileSpare = 64 << 20

// prepareThread puts the child in a group of its own: Ctrl-C is for the parent.
func prepareThread(cmd *exec.Cmd, _ *message) (restrict func() error, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return func() error { return nil }, nil
}

// confine sets the limits that every Unix has. The address space cannot be
// limited everywhere; DuckDB's own limit remains.
func confine(l Limits) error {
	cpu := uint64(l.Timeout.Seconds()*float64(l.Threads)) + 5
	for what, n := range map[int]uint64{syscall.RLIMIT_CPU: cpu, syscall.RLIMIT_FSIZE: uint64(l.Temp) + fileSpare, syscall.RLIMIT_CORE: 0} {
		if err := syscall.Setrlimit(what, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			return fmt.Errorf("limit the process: %w", err)
		}
	}
	return nil
}

// landlockVersion is 0: only Linux has Landlock.
func landlockVersion() int { return 0 }

// probeProcess and probeKernel try nothing: CheckSandbox then reports on the
// other layers only.
func probeProcess(*message) []Check { return nil }

func probeKernel(string) []Check { return nil }

// narrow has nothing to take away.
func narrow(*message) error { return nil }
