package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// holdEnv makes the test binary hold the store in the named folder open until
// its input ends.
const holdEnv = "MARGAY_TEST_HOLD"

// writeEnv makes it write to the store in the named folder until it is killed.
const writeEnv = "MARGAY_TEST_WRITE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writeEnv); dir != "" {
		fmt.Println(writeForEver(dir))
		os.Exit(1)
	}
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

// writeForEver stores batches of two streams and says so after each.
func writeForEver(dir string) error {
	ctx := context.Background()
	s, err := Open(ctx, dir, Options{MergeFanIn: 3, Grace: time.Nanosecond, MaintainEvery: time.Millisecond, KeepCommits: 5, ArchiveCommits: 5})
	if err != nil {
		return err
	}
	at := map[string]int{}
	streams, err := s.Streams(ctx, "")
	if err != nil {
		return err
	}
	for _, st := range streams {
		var n int
		if _, err := fmt.Sscanf(string(st.Position), `{"offset": %d}`, &n); err != nil {
			return err
		}
		at[st.Name] = n / 100
	}
	ended := make(chan error, 3)
	go func() { ended <- s.Run(ctx) }()
	for _, stream := range []string{"a", "b"} {
		go func() {
			for n := at[stream]; ; n += 7 {
				b := batch(stream, n, n+7)
				a, err := s.Begin(b)
				if err == nil {
					err = addRecords(a, b)
				}
				if err == nil {
					err = a.Commit(ctx)
				}
				if err != nil {
					ended <- err
					return
				}
				fmt.Printf("%s %d\n", stream, n+7)
			}
		}()
	}
	return <-ended
}

// TestAKilledProcessLosesNothing kills a process that writes, merges and
// deletes, again and again in one folder.
func TestAKilledProcessLosesNothing(t *testing.T) {
	f := newFixture(t, Options{})
	f.dir = filepath.Join(memoryDir(t), "data")
	rounds := 30
	if testing.Short() {
		rounds = 8
	}
	said := map[string]int{}
	for round := range rounds {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), writeEnv+"="+f.dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			var stream string
			var at int
			if _, err := fmt.Sscan(lines.Text(), &stream, &at); err != nil {
				t.Fatalf("round %d: the child says %q", round, lines.Text())
			}
			said[stream] = at
			// Later and later, so that it dies at ever other moments. What it
			// said before it died is read to the end.
			if n == round {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := child.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		f.open()
		at := f.positions()
		for stream, n := range said {
			if at[stream] < n {
				t.Fatalf("round %d: stream %s is at %d though %d was acknowledged", round, stream, at[stream], n)
			}
		}
		f.wantStored(at)
		if _, tmp := f.files(); len(tmp) > 0 {
			t.Fatalf("round %d: left behind: %v", round, tmp)
		}
		f.close()
		f.wantVerified()
	}
}
