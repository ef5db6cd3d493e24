package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// holdEnv makes the test binary hold the store in the named folder open until
// its input ends.
const holdEnv = "MARGAY_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdEnv); dir != "" {
		os.Exit(hold(dir))
	}
	os.Exit(m.Run())
}

func hold(dir string) int {
	s, err := Open(context.Background(), dir, Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("open")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err == nil {
		return 2
	}
	if err := s.Close(); err != nil {
		return 3
	}
	return 0
}

func TestTwoProcessesCannotWriteOneStore(t *testing.T) {
	f := newFixture(t, Options{}).open()
	f.mustEmit("a", 0, 10)
	f.close()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), holdEnv+"="+f.dir)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if text, err := bufio.NewReader(out).ReadString('\n'); err != nil || text != "open\n" {
		t.Fatalf("the child says %q (%v)", text, err)
	}
	var locked *LockedError
	if err := f.tryOpen(); !errors.As(err, &locked) || locked.PID != child.Process.Pid {
		t.Errorf("Open: %v, want a LockedError with process %d", err, child.Process.Pid)
	}
	if _, err := Rebuild(t.Context(), f.dir, f.opt); !errors.As(err, &locked) {
		t.Errorf("Rebuild: %v, want a LockedError", err)
	}
	if pid, err := Running(f.dir); pid != child.Process.Pid || err != nil {
		t.Errorf("Running: %d, want %d (%v)", pid, child.Process.Pid, err)
	}
	// Reading needs no lock.
	f.wantStored(map[string]int{"a": 10})
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil {
		t.Fatalf("the child: %v", err)
	}
	if pid, err := Running(f.dir); pid != 0 || err != nil {
		t.Errorf("Running: %d after the process ended (%v)", pid, err)
	}
	f.open()
	f.close()
}
